"""Where otter assignments are unpacked while they are tested."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.submissions.autograders import FOLDER_VARIABLE


@pytest.fixture(scope="session", autouse=True)
def _unpacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("unpacked")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDER_VARIABLE, str(folder))
        yield folder
