"""What key sets leave on disk: nothing that can be read, and nothing that stays."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pyroaring import BitMap64

from dbmimic.model.spill import Spill

KEYS = BitMap64(range(0, 40_000, 7))  # sixteen-bit numbers in a row, as a bitmap is written
FAR = np.arange(1, 2**60, 2**47, dtype=np.uint64)  # written as they are


@pytest.fixture
def spill() -> Iterator[Spill]:
    found = Spill(limit=0)
    yield found
    found.clear()


def contents(spill: Spill) -> bytes:
    assert spill._file is not None
    return os.pread(spill._file.fileno(), spill.written, 0)


def test_nothing_is_written_below_the_limit() -> None:
    spill = Spill()
    assert spill.get(spill.put(KEYS)) == KEYS
    assert spill._file is None


def test_what_is_written_cannot_be_read_and_comes_back(spill: Spill) -> None:
    far = BitMap64(memoryview(FAR))
    numbers = [spill.put(KEYS), spill.put(far), spill.put(KEYS)]
    assert [spill.get(number) for number in numbers] == [KEYS, far, KEYS]
    told = contents(spill)
    for written in (np.array(KEYS, dtype=np.uint16).tobytes(), FAR.tobytes()):
        assert not any(written[at : at + 16] in told for at in range(0, len(written), 16))
    first, _, third = (spill._places[number] for number in numbers)
    assert told[first.offset :][:100] != told[third.offset :][:100]


def test_room_is_used_again(spill: Spill) -> None:
    for _ in range(20):
        spill.drop(spill.put(KEYS))
    taken = spill.written
    spill.put(KEYS)
    assert spill.written == taken < 2 * len(KEYS.serialize())


def test_what_was_used_last_stays_in_memory() -> None:
    spill = Spill()
    spill.put(KEYS)
    spill.limit = 3 * spill._size
    numbers = [spill.put(KEYS) for _ in range(5)]
    spill.get(numbers[2])
    spill.put(KEYS)
    assert set(spill._resident) == {numbers[2], numbers[4], numbers[4] + 1}
    assert spill._size <= spill.limit
    spill.clear()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_after_a_kill_no_file_is_left(tmp_path: Path) -> None:
    script = """
        import time
        from dbmimic.model.bits import SPILL, Bits
        SPILL.limit = 0
        kept = Bits.of(range(100_000))
        print("spilt", flush=True)
        time.sleep(60)
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    with subprocess.Popen(command, env={**os.environ, "TMPDIR": str(tmp_path)}, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"spilt\n"
        held = [str(each.readlink()) for each in Path(f"/proc/{process.pid}/fd").iterdir()]
        process.send_signal(signal.SIGKILL)
    assert any(path.startswith(str(tmp_path)) for path in held)
    assert not list(tmp_path.iterdir())
