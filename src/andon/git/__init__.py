"""The one place that runs git: mirrors of repositories, read and written without a repository's own code ever running.

Hooks, filters, attributes drivers, external diffs and the `ext::` transport are off; every command has a time limit.
"""

from andon.git.address import local_changes, remote_url
from andon.git.people import work_tree
from andon.git.repo import GitRepo, Listing

__all__ = ["GitRepo", "Listing", "local_changes", "remote_url", "work_tree"]
