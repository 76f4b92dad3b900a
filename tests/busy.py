"""Run a command several times beside busy loops: python -m tests.busy LOOPS TIMES COMMAND…

Ends with 1, after all of them, when one of the runs failed. The loops end with this process.
"""

import subprocess
import sys

from demo.machine import die_with_parent

LOOP = [sys.executable, '-c', 'while True: pass']


def main() -> int:
    loops, times, *command = sys.argv[1:]
    # In this session: Linux shares the CPU among sessions first, and one of its own would count as much as all tests.
    busy = [subprocess.Popen(LOOP, preexec_fn=die_with_parent) for _ in range(int(loops))]
    try:
        codes = [subprocess.run(command).returncode for _ in range(int(times))]
    finally:
        for process in busy:
            process.kill()
    passed = codes.count(0)
    print(f'{passed} of {times} runs passed beside {loops} busy loops.')
    return 0 if passed == len(codes) else 1


if __name__ == '__main__':
    sys.exit(main())
