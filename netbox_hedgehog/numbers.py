"""Whole numbers as a request has them. Part of the vocabulary: no Django."""

__all__ = ('is_id', 'is_number')

# The digits of a 64-bit number.
ID_DIGITS = 19


def is_number(text: str, digits: int) -> bool:
    """Whether a text is a whole number of at most so many digits.

    Not ², which is a digit to Python and no number, nor thousands of digits, which int() refuses.
    """
    return text.isascii() and text.isdigit() and len(text) <= digits


def is_id(text: str) -> bool:
    """Whether a text can be the ID of an object."""
    return is_number(text, ID_DIGITS)
