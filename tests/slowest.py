"""Print the slowest tests of several runs: python -m tests.slowest COUNT JUNIT-FILE…"""

import sys
import xml.etree.ElementTree as ElementTree


def main() -> None:
    count, *paths = sys.argv[1:]
    cases = [case for path in paths for case in ElementTree.parse(path).iter('testcase')]
    cases.sort(key=lambda case: float(case.get('time', 0)), reverse=True)
    for case in cases[: int(count)]:
        print(f'{float(case.get("time", 0)):7.1f} s  {case.get("classname")}::{case.get("name")}')


if __name__ == '__main__':
    main()
