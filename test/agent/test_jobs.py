"""Commands that run beside an agent: output, progress, replies, cancelling, and their end with the process that started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graph import wait_for

from strands_robots.agent.jobs import jobs as module
from strands_robots.agent.jobs.jobs import Job, Jobs, JobSpec
from strands_robots.core.errors import ConfigurationError, UnknownNameError


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[Jobs]:
    made = Jobs(tmp_path / "logs", patience=0.4)
    yield made
    made.close()


def spec(code: str, folder: Path, **more: Any) -> JobSpec:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    return JobSpec("fake", (sys.executable, "-c", code), folder, environment, **more)


def is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def run(jobs: Jobs, code: str, folder: Path, **more: Any) -> Job:
    job = jobs.start(spec(code, folder, **more))
    assert job.ended.wait(20.0), "the job has not ended"
    return job


def test_job_that_ends_has_its_output_and_exit_code(jobs: Jobs, tmp_path: Path) -> None:
    job = run(jobs, "print('one'); print('two'); raise SystemExit(3)", tmp_path)
    assert (job.state, job.exit_code, job.tail(10)) == ("failed", 3, ["one", "two"])
    assert job.log.read_text() == "one\ntwo\n"
    assert job.log.stat().st_mode & 0o777 == 0o600, "only this user reads it"
    assert jobs.find(job.job_id) is job
    assert run(jobs, "pass", tmp_path).state == "succeeded"


def test_output_is_cleaned_of_escapes_and_bounded(jobs: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_LOG", 5000)
    code = (
        "import sys\nprint('\\x1b[31mred\\x1b[0m \\x1b]0;title\\x07end')\nprint('x' * 100000)\n"
        "for k in range(500): print(k)\nsys.stdout.buffer.write(b'\\xff\\xfe bytes\\n')"
    )
    job = run(jobs, code, tmp_path)
    assert job.tail(10**6)[-1].endswith(" bytes")
    assert len(job.tail(10**6)) == module.KEPT_LINES
    assert all(len(line) <= module.LONGEST_LINE for line in job.lines)
    assert job.log.stat().st_size == 5000
    assert module._text(b"\x1b[31mred\x1b[0m \x1b]0;title\x07end") == "red end"


def test_full_disk_ends_the_log_and_not_the_job() -> None:
    with open("/dev/full", "wb", buffering=0) as full:
        assert module._kept(full, b"text", 100) == 0


def test_progress_that_is_written_over_itself_is_no_line_of_the_log(jobs: Jobs, tmp_path: Path) -> None:
    code = "print('begin'); print(*[f'at {k}\\r' for k in range(5)], sep='', end=''); print('end')"
    read = lambda line: ({"at": int(line[3:])}, "") if line.startswith("at ") else ({}, line)  # noqa: E731
    job = run(jobs, code, tmp_path, read_line=read)
    assert (job.progress, job.tail(10)) == ({"at": 4}, ["begin", "end"])


def test_question_without_an_end_of_line_is_shown_and_answered(jobs: Jobs, tmp_path: Path) -> None:
    job = jobs.start(spec("print('you said', repr(input('press ENTER....')))", tmp_path, replies=("enter", "c")))
    wait_for(lambda: job.tail(5) == ["press ENTER...."], 20.0, "the question")
    with pytest.raises(UnknownNameError, match="valid: c, enter"):
        jobs.reply(job, "rm -rf /")
    jobs.reply(job, "enter")
    assert job.ended.wait(20.0)
    assert job.tail(5)[-1].endswith("you said ''")
    with pytest.raises(ConfigurationError, match="has ended"):
        jobs.reply(job, "c")


def test_cancelled_job_is_interrupted(jobs: Jobs, tmp_path: Path) -> None:
    code = "import time\ntry:\n print('up')\n time.sleep(60)\nexcept KeyboardInterrupt: print('saving')"
    job = jobs.start(spec(code, tmp_path))
    wait_for(lambda: "up" in job.lines, 20.0, "the job")
    jobs.cancel(job)
    assert job.ended.wait(20.0)
    assert job.tail(5) == ["up", "saving"]
    assert job.is_cancelled


STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import signal, time; signal.signal(2, 1); print('up', flush=True); time.sleep(60)"])
print("pids", os.getpid(), child.pid, flush=True)
time.sleep(60)
"""


def pids_of(job: Job) -> list[int]:
    lines = wait_for(
        lambda: [line for line in job.lines if line.startswith("pids")] if "up" in job.lines else [], 20.0, "the job"
    )
    return [int(word) for word in lines[0].split()[1:]]


def test_job_that_ignores_the_interrupt_is_killed_with_all_that_it_started(jobs: Jobs, tmp_path: Path) -> None:
    job = jobs.start(spec(STUBBORN, tmp_path))
    pids = pids_of(job)
    jobs.cancel(job)
    jobs.cancel(job)
    assert job.ended.wait(20.0)
    assert (job.state, job.exit_code) == ("cancelled", 128 + signal.SIGKILL)
    wait_for(lambda: not any(map(is_alive, pids)), 5.0, "the end of both processes")


OWNER = """
import sys, time
from pathlib import Path
from strands_robots.agent.jobs.jobs import Jobs, JobSpec
import os
jobs = Jobs(Path(sys.argv[1]), patience=0.3)
job = jobs.start(JobSpec("fake", (sys.executable, "-c", sys.argv[2]), Path(sys.argv[1]), dict(os.environ)))
while "up" not in job.lines:
    time.sleep(0.01)
print([line for line in job.lines if line.startswith("pids")][0], flush=True)
time.sleep(60)
"""


def test_job_ends_with_a_killed_agent(tmp_path: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path), STUBBORN], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    pids = [int(word) for word in owner.stdout.readline().split()[1:]]
    assert pids and all(map(is_alive, pids))
    owner.kill()
    owner.wait()
    wait_for(lambda: not any(map(is_alive, pids)), 10.0, "the end of the job's processes")


def test_no_more_jobs_run_than_allowed(jobs: Jobs, tmp_path: Path) -> None:
    running = [jobs.start(spec("import time; time.sleep(60)", tmp_path)) for _ in range(module.MOST_RUNNING)]
    with pytest.raises(ConfigurationError, match=running[0].job_id):
        jobs.start(spec("pass", tmp_path))


def test_only_jobs_that_move_something_end_with_the_turn(jobs: Jobs, tmp_path: Path) -> None:
    moving = jobs.start(spec("import time; time.sleep(60)", tmp_path, moves=True))
    training = jobs.start(spec("import time; time.sleep(60)", tmp_path))
    jobs.cancel_moving()
    assert moving.ended.wait(20.0)
    assert training.state == "running"


def test_command_that_is_not_there_fails_in_words(jobs: Jobs, tmp_path: Path) -> None:
    job = jobs.start(JobSpec("fake", ("/nowhere/program",), tmp_path, dict(os.environ)))
    assert job.ended.wait(20.0)
    assert job.state == "failed"
    assert "/nowhere/program" in " ".join(job.tail(5))
    with pytest.raises(ConfigurationError, match="cannot be started"):
        jobs.start(JobSpec("fake", ("true",), tmp_path / "missing", dict(os.environ)))


def test_end_of_a_job_is_told_once(tmp_path: Path) -> None:
    told: list[str] = []
    jobs = Jobs(tmp_path, lambda job: told.append(job.state))
    run(jobs, "pass", tmp_path)
    wait_for(lambda: told, 5.0, "the end")
    jobs.close()
    assert told == ["succeeded"]


def test_close_waits_for_every_job(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path, patience=0.3)
    job = jobs.start(spec("import time; time.sleep(60)", tmp_path))
    began = time.monotonic()
    jobs.close()
    assert job.ended.is_set() and time.monotonic() - began < 10.0
