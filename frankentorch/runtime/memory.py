"""What the allocator holds: counters, and giving freed blocks back."""
from frankentorch._ext.alloc import empty_cache, memory_stats, reset_peak_memory_stats

__all__ = ["empty_cache", "memory_stats", "reset_peak_memory_stats"]
