"""What hypothesis makes of a target's seeds."""

from hypothesis import strategies as st

from .targets import seeds

# Each means something to a parser of JSON, YAML or addresses.
PIECES = st.binary(max_size=6) | st.sampled_from([
    b'{', b'}', b'[', b']', b'"', b',', b':', b'null', b'true', b'-1', b'1e999', b'NaN', b'\\u0000', b'\\ud800', b'\xff', b'\n',
    b'\n---\n', b'9' * 400, b'[' * 3000, b'!!bool ', b'!!int', b'!!timestamp ', b'!!binary ', b'&a ', b'*a', b'<<: ', b'1:30:1.5',
    b'https://', b'[::1]', b'%25', b'/8', b'*', b'.',
])
EDITS = st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 8), PIECES), max_size=5)


@st.composite
def changed(draw: st.DrawFn, target: str) -> bytes:
    """One of the seeds with a few pieces in place of others; or, where bytes are choices, any bytes."""
    if target in ('objects', 'mapping', 'shown'):
        return draw(st.binary(min_size=1, max_size=120))
    data = draw(st.sampled_from(seeds(target)))
    for place, length, piece in draw(EDITS):
        place %= len(data) + 1
        data = data[:place] + piece + data[place + length:]
    return data
