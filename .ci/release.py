"""Todo lo que tiene que estar en su sitio para publicar una versión, y si lo está.

python .ci/release.py                comprueba lo que se puede comprobar siempre
python .ci/release.py v0.2.0         y además, que el proyecto está listo para esa etiqueta
python .ci/release.py v0.2.0 dist    y que lo construido en esa carpeta es lo que debe ser
"""

import re
import sys
import tarfile
import zipfile
from pathlib import Path

import environment
import licences
import website

ROOT = Path(__file__).resolve().parents[1]
MAX_WHEEL = 1_000_000  # bytes
PARTS = ("settings.ini", "setup.py", "nbs/index.ipynb", ".ci/check.py", "LICENCIAS.md", "SECURITY.md")


def text(root: Path, name: str) -> str:
    "El contenido de un archivo del proyecto, o nada si no está."
    path = root / name
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def versions(root: Path):  # → un problema por archivo que dice otra versión
    "La versión es la de settings.ini, en todas partes."
    cfg = website.settings(root)
    places = {
        f"{cfg['lib_path']}/__init__.py": f'__version__ = "{cfg["version"]}"',
        "CITATION.cff": f"version: {cfg['version']}\n",
    }
    for name, line in places.items():
        if line not in text(root, name):
            yield f"{name} no dice la versión de settings.ini, {cfg['version']}"
    if f'- name: "{cfg["author"]}"' not in text(root, "CITATION.cff"):
        yield "CITATION.cff no nombra al autor de settings.ini"


def tagged(root: Path, tag: str):  # → un problema por cosa que falta para esa etiqueta
    "Lo que hace falta para publicar una etiqueta."
    version = website.settings(root)["version"]
    if tag != f"v{version}":
        yield f"la etiqueta es {tag} y settings.ini dice {version}"
    section = re.search(
        rf"(?m)^## \[{re.escape(version)}\] - (\d{{4}}-\d\d-\d\d)$\n(.*?)(?=^## |\Z)",
        text(root, "CHANGELOG.md"),
        re.DOTALL | re.MULTILINE,
    )
    if not section or "- " not in section[2]:
        yield f"CHANGELOG.md no tiene un apartado «## [{version}] - AAAA-MM-DD» que diga qué cambia"
    elif f"date-released: {section[1]}" not in text(root, "CITATION.cff"):
        yield f"CITATION.cff no dice la fecha de CHANGELOG.md, {section[1]}"


def built(root: Path, dist: Path):  # → un problema por cosa que no es lo que debe ser
    "Lo que tiene que haber en la carpeta de lo construido."
    cfg = website.settings(root)
    stem = f"{cfg['lib_name']}-{cfg['version']}"
    wheel, source = dist / f"{stem}-py3-none-any.whl", dist / f"{stem}.tar.gz"
    if sorted(dist.iterdir()) != sorted([wheel, source]):
        yield f"en «{dist}» debería haber sólo {wheel.name} y {source.name}"
        return
    if wheel.stat().st_size >= MAX_WHEEL:
        yield f"{wheel.name} ocupa {wheel.stat().st_size:,} bytes: el límite es 1 MB"
    with zipfile.ZipFile(wheel) as file:
        if odd := [
            n for n in file.namelist() if not n.startswith((cfg["lib_name"] + "/", stem + ".dist-info/"))
        ]:
            yield f"{wheel.name} lleva lo que no debe: {odd[0]}"
    with tarfile.open(source) as file:
        names = set(file.getnames())
    for part in PARTS:
        if f"{stem}/{part}" not in names:
            yield f"a {source.name} le falta {part}"


def problems(root: Path, tag: str = "", dist: str = "") -> list:  # frases
    "Todo lo que no está en su sitio."
    found = [*versions(root), *environment.problems(root), *licences.problems(root)]
    found += tagged(root, tag) if tag else []
    return found + (list(built(root, Path(dist))) if dist else [])


if __name__ == "__main__":
    found = problems(ROOT, *sys.argv[1:3])
    print("\n".join(found) or "Todo está en su sitio.")
    sys.exit(bool(found))
