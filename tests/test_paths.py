"""Where records and weights are found, in a checkout and without one."""

from importlib.metadata import PackageNotFoundError
from types import SimpleNamespace

from capsedu import paths


def installed_at(folder):
    """What pip remembers of a file there."""
    path = folder / "share" / "capsedu" / "records" / "a.json"
    path.parent.mkdir(parents=True)
    path.touch()
    return SimpleNamespace(parts=path.parts, locate=lambda: path)


def test_without_a_checkout_they_are_where_pip_put_them(tmp_path, monkeypatch):
    other = SimpleNamespace(parts=("capsedu", "records.py"))
    file = installed_at(tmp_path / "prefix")
    monkeypatch.setattr(paths, "files", lambda name: [other, file])
    monkeypatch.setattr(paths, "_CHECKOUT", tmp_path)
    assert (
        paths._own("records") == (tmp_path / "prefix" / "share" / "capsedu" / "records").resolve()
    )


def test_a_checkout_comes_first(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "files", lambda name: [installed_at(tmp_path / "prefix")])
    monkeypatch.setattr(paths, "_CHECKOUT", tmp_path)
    (tmp_path / "data" / "records").mkdir(parents=True)
    assert paths._own("records") == tmp_path / "data" / "records"


def test_a_bare_copy_looks_beside_itself(tmp_path, monkeypatch):
    def unknown(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(paths, "files", unknown)
    monkeypatch.setattr(paths, "_CHECKOUT", tmp_path)
    assert paths._own("records") == tmp_path / "data" / "records"
