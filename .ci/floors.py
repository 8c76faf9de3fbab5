"""Quién puede importar a quién.

    python .ci/floors.py          enumera lo que no cumple las reglas

Una foto sube de piso en piso: `common` no sabe nada de fotos, `photos` las abre, `networks` las
convierte en vectores, los módulos públicos enseñan y agrupan, y `commands` lo lleva a la terminal.
Cada módulo importa de su piso o de los de abajo, sin ciclos, y nunca un nombre privado de otro.
"""

import ast
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

FLOORS = ["common", "photos", "networks", "", "commands"]  # de abajo arriba; "", los módulos públicos


def floor(module: str) -> int:  # nombre desde el paquete, como photos.reading → su piso
    "El piso de un módulo es el de su carpeta."
    return FLOORS.index(module.rpartition(".")[0])


def imported(path: Path, package: Path):  # archivo → pares (módulo del paquete, nombre)
    "Lo que un módulo importa de los otros, también dentro de sus funciones."
    here = path.relative_to(package).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom):
            continue
        names = (node.module or "").split(".") if node.module else []
        if node.level:
            names = [*here[: len(here) - node.level], *names]
        elif names[:1] == [package.name]:
            names = names[1:]
        else:
            continue
        for alias in node.names:
            whole = package.joinpath(*names, alias.name).with_suffix(".py")
            yield (".".join([*names, alias.name]), "") if whole.is_file() else (".".join(names), alias.name)


def problems(package: Path) -> list:  # carpeta del paquete → una línea por problema
    "Importaciones hacia arriba, nombres privados de otro módulo y ciclos."
    found, graph = [], {}
    for path in sorted(package.rglob("*.py")):
        if path.name.startswith("_"):
            continue
        module = ".".join(path.relative_to(package).with_suffix("").parts)
        graph[module] = set()
        for other, name in imported(path, package):
            if not other:
                continue
            graph[module].add(other)
            if floor(other) > floor(module):
                found.append(f"{module} importa de un piso más alto: {other}")
            if name.startswith("_") and not name.startswith("__"):
                found.append(f"{module} usa un nombre privado de {other}: {name}")
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        found.append("hay un ciclo de importaciones: " + " → ".join(error.args[1]))
    return found


if __name__ == "__main__":
    root = Path(__file__).resolve().parents[1]
    found = problems(root / "catsdogs_clustering")
    print("\n".join(found) or "Todo en orden.")
    sys.exit(bool(found))
