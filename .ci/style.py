"""Las reglas de estilo que se pueden comprobar leyendo, sin ejecutar nada.

    python .ci/style.py          enumera lo que no las cumple

Cada regla es una función que recibe un cuaderno y da una lista de problemas, vacía si no hay ninguno.
"""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import website
import yaml

MAX_BYTES = 500_000  # de un cuaderno, con sus salidas
MAX_LINES, GOOD_LINES = 40, 20  # de una celda exportada: ninguna más larga, el 90 % no más larga
GOOD_SHARE, VISIBLE_SHARE = 0.9, 2 / 3
IMPORTS = (ast.Import, ast.ImportFrom)
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
PRINTS, DRAWS = {"print", "display"}, re.compile(r"^(show_|plot_|[A-Z])")
SILENT = {"hide", "export", "exporti", "exports", "slow", "gpu", "red"}  # celdas que pueden no tener salida
IS_TEST = re.compile(r"\b(test_\w+|assert)\b")
FORBIDDEN = {  # lo que no debe aparecer en ningún archivo
    r"(?<![\w/.<])/(?:work|root|tmp|home|Users)/[\w.]": "tiene una ruta absoluta",
}
PROGRESS = re.compile(r"\d+% \|")  # una barra de progreso: lo único que una celda puede guardar de stderr
ADDRESS = re.compile(r"\b0x[0-9a-f]{6,}\b")


FOLDERS = {  # carpeta de un cuaderno → piso del paquete donde está su módulo; las demás, arriba del todo
    "rooms/common": "common",
    "rooms/photos": "photos",
    "rooms/networks": "networks",
    "rooms/commands": "commands",
    "tool/commands": "commands",
}


class Notebook:
    "Un cuaderno: sus celdas, y de cada una de código sus directivas `#|` y su código."

    def __init__(self, path: Path):
        self.path, self.name, self.bytes = path, path.name, path.stat().st_size
        self.cells = [Cell(c) for c in json.loads(path.read_text(encoding="utf-8"))["cells"]]
        self.code = [c for c in self.cells if c.kind == "code"]
        self.folder = path.parent.relative_to(
            path.parents[len(path.parts) - 2 - path.parts.index("nbs")]
        ).as_posix()
        self.stem = re.sub(r"^\d+[a-zA-Z0-9]*_", "", path.stem)


class Cell:
    "Una celda: su texto, sus directivas (`export`, `hide`, `slow`…) y sus salidas."

    def __init__(self, raw: dict):
        self.kind, self.source, self.outputs = (
            raw["cell_type"],
            "".join(raw["source"]),
            raw.get("outputs", []),
        )
        lines = self.source.splitlines()
        n = next(
            (i for i, line in enumerate(lines) if line.strip() and not line.startswith("#|")), len(lines)
        )
        self.options = [line[2:].strip() for line in lines[:n] if line.startswith("#|")]
        self.directives = {o.split()[0].rstrip(":") for o in self.options if o}
        self.body = "\n".join(lines[n:]).rstrip()

    @property
    def exported(self) -> bool:
        return bool(self.directives & {"export", "exporti", "exports"})

    @property
    def hidden(self) -> bool:
        return "hide" in self.directives

    @property
    def is_test(self) -> bool:
        return not self.exported and bool(IS_TEST.search(self.body)) and not self.only_imports

    @property
    def only_imports(self) -> bool:
        return all(isinstance(s, IMPORTS) or is_all(s) for s in self.statements)

    @property
    def statements(self) -> list:  # instrucciones de primer nivel, sin las líneas que son de IPython
        return ast.parse(
            "\n".join("" if line[:1] in ("%", "!") else line for line in self.body.splitlines())
        ).body


def is_all(node) -> bool:  # ¿es `_all_ = [...]`, con lo que nbdev añade nombres importados a `__all__`?
    return isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "_all_"


def first_cell(nb):
    "La primera celda es «# Título», línea en blanco, «> Resumen»."
    if not re.fullmatch(r"# [^\n]+\n\n> [^\n]+\n?", nb.cells[0].source):
        return ["la primera celda no es «# Título», línea en blanco, «> Resumen de una línea»"]


def module_name(nb):
    "La segunda celda da nombre al módulo: el del cuaderno sin su número (index y la parte III no exportan)."
    exports = [o for c in nb.code for o in c.options if o.startswith("default_exp")]
    if not any(c.exported for c in nb.code):
        return ["tiene default_exp y no exporta nada"] if exports else []
    module = exports[0].split()[1] if len(exports) == 1 else ""
    if module.rpartition(".")[2] != nb.stem:
        return [f"hace falta una sola directiva «default_exp», con un módulo que se llame {nb.stem}"]
    if module.rpartition(".")[0] != FOLDERS.get(nb.folder, ""):
        return [f"su módulo, {module}, no está en el piso de su carpeta ({nb.folder})"]
    if nb.cells[1].options != exports:
        return ["default_exp no está en la segunda celda"]


def closing(nb):
    "Acaba con «Qué hemos aprendido» y la celda oculta que exporta."
    if not any(
        re.search(r"^## Qué hemos aprendido", c.source, re.MULTILINE)
        for c in nb.cells
        if c.kind == "markdown"
    ):
        if nb.name != "index.ipynb":
            yield "falta la sección «## Qué hemos aprendido»"
    if any(c.exported for c in nb.code) and not (
        "nbdev_export()" in nb.cells[-1].source and nb.cells[-1].hidden
    ):
        yield "la última celda no es «#| hide» con nbdev.nbdev_export()"


def one_definition(nb):
    "Una celda exportada contiene una definición, si acaso con sus constantes; o sólo importaciones."
    for cell in nb.code:
        if not cell.exported or cell.only_imports:
            continue
        rest = [s for s in cell.statements if not isinstance(s, (ast.Assign, ast.AnnAssign))]
        if len(rest) > 1 or not all(isinstance(s, DEFINITIONS) for s in rest):
            yield f"la celda que empieza por «{first_line(cell)}» contiene más de una definición"


def export_lengths(nb):
    "Ninguna celda exportada pasa de 40 líneas, y el 90 % de las funciones y clases cabe en 20."
    cells = [c for c in nb.code if c.exported and not c.only_imports]
    for cell in cells:
        if (n := count_lines(cell)) > MAX_LINES:
            yield f"la celda que empieza por «{first_line(cell)}» tiene {n} líneas (como mucho, {MAX_LINES})"
    definitions = [c for c in cells if any(isinstance(s, DEFINITIONS) for s in c.statements)]
    long = [c for c in definitions if count_lines(c) > GOOD_LINES]
    if len(long) > 1 and len(long) > (1 - GOOD_SHARE) * len(definitions):
        yield f"{len(long)} de sus {len(definitions)} definiciones pasan de {GOOD_LINES} líneas (como mucho, el 10 %)"


def count_lines(cell) -> int:
    return len(cell.body.splitlines())


def imports(nb):
    "Sin `import *`, y las celdas que importan no hacen otra cosa (nbdev las ejecuta al hacer el sitio)."
    for cell in nb.code:
        if "nbdev_export()" in cell.body:
            continue
        found = [s for s in cell.statements if isinstance(s, IMPORTS)]
        if any(a.name == "*" for s in found for a in s.names):
            yield f"«{first_line(cell)}»: import *"
        if found and not cell.only_imports:
            yield f"«{first_line(cell)}»: mezcla importaciones con otro código"


def directives(nb):
    "Nada de `eval: false`, y las opciones de las celdas son YAML válido."
    for cell in nb.code:
        options = [o for o in cell.options if re.match(r"[\w-]+ *:", o)]
        if any(re.match(r"eval *: *false", o, re.IGNORECASE) for o in options):
            yield "usa «eval: false»"
        try:
            yaml.safe_load("\n".join(options))
        except yaml.YAMLError:
            yield f"opciones de celda que no son YAML: {options}"


def stored_outputs(nb):
    "Lo que se muestra está guardado: sin errores, sin avisos, sin direcciones de memoria."
    for cell in nb.code:
        shows = has_value(cell) or PRINTS & {name for s in cell.statements for name in calls(s)}
        if shows and not cell.directives & SILENT and not cell.outputs:
            yield f"«{first_line(cell)}» no tiene guardada su salida"
        for out in cell.outputs:
            if out["output_type"] == "error":
                yield f"«{first_line(cell)}» guarda un error"
            if out.get("name") == "stderr" and not PROGRESS.search("".join(out["text"])):
                yield f"«{first_line(cell)}» guarda avisos (stderr)"
            if ADDRESS.search(output_text(out)):
                yield f"«{first_line(cell)}» guarda una dirección de memoria"


def has_value(cell) -> bool:  # ¿acaba la celda en una expresión que se muestra?
    "Un nombre, un atributo, una figura, un objeto recién creado…; de las demás llamadas no se sabe si devuelven algo."
    if not cell.statements or cell.body.endswith(";"):
        return False
    value = getattr(cell.statements[-1], "value", None) if isinstance(cell.statements[-1], ast.Expr) else None
    if isinstance(value, ast.Call):
        return bool(DRAWS.match(getattr(value.func, "id", "")))
    return value is not None and not isinstance(value, ast.Constant)


def calls(node):  # instrucción → nombres de las funciones a las que llama, sin contar las pruebas
    "Recorre una instrucción sin entrar en definiciones, ni en lo que sólo se llama para probarlo."
    if isinstance(node, (*DEFINITIONS, ast.Lambda, ast.Assert)):
        return
    if isinstance(node, ast.Call):
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if name.startswith("test_"):
            return
        yield name
    for child in ast.iter_child_nodes(node):
        yield from calls(child)


def visible_tests(nb):
    "Al menos dos de cada tres celdas de prueba se ven (menos en la portada, que es también el README)."
    if nb.name == "index.ipynb":
        return
    tests = [c for c in nb.code if c.is_test]
    visible = [c for c in tests if not c.hidden]
    if len(visible) < VISIBLE_SHARE * len(tests):
        yield f"sólo se ven {len(visible)} de sus {len(tests)} celdas de prueba"


def size(nb):
    "Un cuaderno ocupa 500 KB como mucho."
    if nb.bytes > MAX_BYTES:
        yield f"ocupa {nb.bytes // 1000} KB (como mucho, {MAX_BYTES // 1000})"


RULES = [
    first_cell,
    module_name,
    closing,
    one_definition,
    export_lengths,
    imports,
    directives,
    stored_outputs,
    visible_tests,
    size,
]


def first_line(cell: Cell) -> str:
    return next(iter(cell.body.splitlines()), "")[:60]


def output_text(output: dict) -> str:  # una salida guardada → todo su texto, sin las imágenes
    "Junta lo que hay de texto en una salida."
    data = {k: v for k, v in output.get("data", {}).items() if not k.startswith("image/")}
    return "".join(
        map(
            str, [*output.get("text", []), *("".join(v) for v in data.values() if isinstance(v, (str, list)))]
        )
    )


def text_of(
    path: Path,
) -> str:  # archivo → su texto; el de un cuaderno, sin las imágenes; vacío si no es texto
    "El texto en el que buscar lo que no debe aparecer."
    if path.suffix == ".ipynb":
        nb = Notebook(path)
        return "\n".join([c.source for c in nb.cells] + [output_text(o) for c in nb.code for o in c.outputs])
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def file_problems(root: Path):  # carpeta del proyecto → problemas de todos sus archivos
    "Ningún archivo nombra un servidor de paquetes ni una ruta de la máquina de alguien."
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    for name in filter(None, names):
        if not (root / name).is_file():
            continue
        text = text_of(root / name)
        for pattern, problem in FORBIDDEN.items():
            if found := re.search(pattern, text):
                yield f"{name}: {problem} («{found[0]}»)"


def problems(root: Path) -> list:  # carpeta del proyecto → una línea por problema
    "Pasa todas las reglas a todos los cuadernos."
    notebooks = [Notebook(p) for p in website.notebooks(root)]
    found = [f"{nb.name}: {p}" for nb in notebooks for rule in RULES for p in rule(nb) or []]
    stems = [nb.stem.lower() for nb in notebooks]
    found += [
        f"{nb.name}: hay otro cuaderno con el mismo nombre sin el número"
        for nb in notebooks
        if stems.count(nb.stem.lower()) > 1
    ]
    return (
        found
        + [f"{nb.name}: nombre con letras que no son ASCII" for nb in notebooks if not nb.name.isascii()]
        + list(file_problems(root))
    )


if __name__ == "__main__":
    found = problems(Path(__file__).resolve().parents[1])
    print("\n".join(found) or "Todo en orden.")
    sys.exit(bool(found))
