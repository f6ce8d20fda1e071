# Decimal digits of an integer, with a sign if below zero; how many characters (20 at the most).
cdef int write_integer(char* text, long long value) noexcept nogil
