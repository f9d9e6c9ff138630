"""File formats: each turns the bytes of a file into rows, a piece at a time, and can go on from the middle."""
