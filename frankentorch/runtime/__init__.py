"""Settings, threads, modes and the evidence ledger. A leaf: anything may import it, so nothing heavy is loaded here."""
