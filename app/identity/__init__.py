"""Who is the same customer. Pure: no input, no output, no SQL."""
