"""What is said of a question: a verdict, why, what decides it, and what would have to change."""

from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = (
    'NO', 'PARTLY', 'UNKNOWN', 'VERDICTS', 'YES', 'Answer', 'Direction', 'Finding', 'QuestionError', 'Step', 'best',
    'listed',
)

YES, PARTLY, UNKNOWN, NO = 'yes', 'partly', 'unknown', 'no'

# The best first: with several ways, the answer is that of the best one.
VERDICTS = (YES, PARTLY, UNKNOWN, NO)

# How many names a sentence lists.
MOST_LISTED = 8

_HEADLINES = {
    YES: 'Yes: {source} can reach {target}.',
    PARTLY: 'Yes, in part: {source} can reach {target}, but not with all traffic.',
    UNKNOWN: 'Unknown whether {source} can reach {target}.',
    NO: 'No: {source} cannot reach {target}.',
}


# For the hosts of one subnet.
_AMONG = {
    YES: 'Yes: hosts in {source} can reach each other.',
    PARTLY: 'Yes, in part: hosts in {source} can reach each other, but not with all traffic.',
    UNKNOWN: 'Unknown whether hosts in {source} can reach each other.',
    NO: 'No: hosts in {source} cannot reach each other.',
}


class QuestionError(ValueError):
    """An end of a question is not understood, is ambiguous or does not exist. The message is for people."""


@dataclass(frozen=True, slots=True)
class Step:
    """A resource that decides, and what it says."""

    kind: str
    name: str
    sentence: str

    def __str__(self) -> str:
        return f'{self.kind} {self.name}: {self.sentence}'


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict on one way from one place to another. `reason` is a sentence; `changes` would make it a yes."""

    verdict: str
    reason: str
    steps: tuple[Step, ...] = ()
    changes: tuple[str, ...] = ()
    source: str = ''
    target: str = ''

    def __str__(self) -> str:
        return f'{self.source} → {self.target}: {self.reason}'


@dataclass(slots=True)
class Direction:
    """Whether connections can be opened from source to target, replies included.

    `finding` is the best of the ways, `others` are the other ones: a server may be attached to several subnets.
    """

    source: str
    target: str
    finding: Finding
    others: list[Finding] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        """Return the verdict."""
        return self.finding.verdict

    @property
    def headline(self) -> str:
        """Return the verdict in a sentence."""
        if self.source == self.target:
            return _AMONG[self.verdict].format(source=self.source)
        return _HEADLINES[self.verdict].format(source=self.source, target=self.target)

    @property
    def sentence(self) -> str:
        """Return the verdict and its reason."""
        return f'{self.headline} {self.finding.reason}'.strip()


@dataclass(slots=True)
class Answer:
    """Both directions of a question: there, and back."""

    there: Direction
    back: Direction

    @property
    def differs(self) -> bool:
        """Return whether the directions differ in verdict or reason."""
        one, other = self.there.finding, self.back.finding
        return (one.verdict, one.reason) != (other.verdict, other.reason)


def best(findings: list[Finding]) -> Finding:
    """Return the best of several ways; the first of equals."""
    return min(findings, key=lambda finding: VERDICTS.index(finding.verdict))


def listed(names: Iterable[str], none: str = 'none') -> str:
    """Return names for a sentence: the first of them, and the number of others."""
    found = list(names)
    more = [f'{len(found) - MOST_LISTED} more'] if len(found) > MOST_LISTED else []
    return ', '.join([*found[:MOST_LISTED], *more]) or none
