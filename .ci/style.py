"""Las reglas de estilo que se pueden comprobar leyendo, sin ejecutar nada.

    python .ci/style.py               enumera lo que no las cumple
    python .ci/style.py --lecciones   la tabla de las lecciones: minutos, líneas, figuras…
    python .ci/style.py --colab       escribe en los cuadernos la celda que los prepara en Colab

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
MAX_LINES, GOOD_LINES = 40, 20  # del cuerpo de una función exportada: ninguna más larga, el 90 % no más larga
GOOD_SHARE, VISIBLE_SHARE = 0.9, 2 / 3
IMPORTS = (ast.Import, ast.ImportFrom)
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
PRINTS, DRAWS = {"print", "display"}, re.compile(r"^(show_|plot_|[A-Z])")
SILENT = {"hide", "export", "exporti", "exports", "slow", "gpu", "red"}  # celdas que pueden no tener salida
IS_TEST = re.compile(r"\b(test_\w+|assert)\b")
ASSERTION = re.compile(r"^\s*assert\b|testing\.assert", re.MULTILINE)
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


LESSON_LIMITS = {  # qué se mide en una lección → (al menos, como mucho)
    "celdas": (0, 32),
    "minutos": (0, 12),
    "líneas visibles": (0, 130),
    "de ellas, exportadas": (0, 40),
    "funciones privadas": (0, 0),
    "figuras": (3, 99),
    "palabras hasta la primera figura": (0, 150),
    "líneas hasta la primera figura": (0, 15),
    "aserciones visibles": (2, 99),
    "ejercicios": (2, 9),
    "palabras por línea": (6, 999),
}
ALL_LESSONS_MINUTES = 90
FOLDED = {"echo: false", "code-fold: true"}
WORDS_A_MINUTE, LINES_A_MINUTE = 200, 20
INSTALL = """#| hide
from importlib.util import find_spec

if not find_spec("{package}"):  # en Colab, la primera vez
    repo = "https://github.com/{user}/{repo}@{branch}"
    %pip install -q "{package}{extra} @ git+{{repo}}"
"""


class Notebook:
    "Un cuaderno: sus celdas, y de cada una de código sus directivas `#|` y su código."

    def __init__(self, path: Path):
        self.path, self.name, self.bytes = path, path.name, path.stat().st_size
        self.cells = [Cell(c) for c in json.loads(path.read_text(encoding="utf-8"))["cells"]]
        self.code = [c for c in self.cells if c.kind == "code"]
        self.folder = "/".join(path.parts[path.parts.index("nbs") + 1 : -1])
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
    def visible(self) -> bool:  # ¿se ve su código en el sitio, sin desplegar nada?
        folded = {"hide", "export", "exporti"} & self.directives
        return self.kind == "code" and not folded and not FOLDED & set(self.options)

    @property
    def is_picture(self) -> bool:
        return any(kind.startswith("image/") for out in self.outputs for kind in out.get("data", {}))

    @property
    def is_test(self) -> bool:
        return not self.exported and bool(IS_TEST.search(self.body)) and not self.only_imports

    @property
    def only_imports(self) -> bool:
        return all(isinstance(s, IMPORTS) or is_all(s) for s in self.statements)

    @property
    def statements(self) -> list:  # instrucciones de primer nivel, sin las líneas que son de IPython
        return ast.parse(
            "\n".join(re.sub(r"^(\s*)[%!].*", r"\1pass", line) for line in self.body.splitlines())
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
    "Acaba con «Qué hemos aprendido». Exportar lo hace la orden: sin repositorio, una celda no podría."
    if not any(
        re.search(r"^## Qué hemos aprendido", c.source, re.MULTILINE)
        for c in nb.cells
        if c.kind == "markdown"
    ):
        if nb.name not in ("index.ipynb", "07_glossary.ipynb"):
            yield "falta la sección «## Qué hemos aprendido»"
    if any("nbdev_export()" in c.source for c in nb.code):
        yield "exporta desde una celda: ya lo hace la orden nbdev_export"


def one_definition(nb):
    "Una celda exportada contiene una definición, si acaso con sus constantes; o sólo importaciones."
    for cell in nb.code:
        if not cell.exported or cell.only_imports:
            continue
        rest = [s for s in cell.statements if not isinstance(s, (ast.Assign, ast.AnnAssign))]
        if len(rest) > 1 or not all(isinstance(s, DEFINITIONS) for s in rest):
            yield f"la celda que empieza por «{first_line(cell)}» contiene más de una definición"


def export_lengths(nb):
    "Ninguna función exportada pasa de 40 líneas, sin contar su cabecera, y el 90 % cabe en 20."
    bodies = {
        f.name: f.end_lineno - f.body[0].lineno + 1
        for cell in nb.code
        if cell.exported
        for s in cell.statements
        for f in ast.walk(s)
        if isinstance(f, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    for name, n in bodies.items():
        if n > MAX_LINES:
            yield f"{name} tiene {n} líneas (como mucho, {MAX_LINES})"
    long = [name for name, n in bodies.items() if n > GOOD_LINES]
    if len(long) > 1 and len(long) > (1 - GOOD_SHARE) * len(bodies):
        yield f"{len(long)} de sus {len(bodies)} funciones pasan de {GOOD_LINES} líneas: {', '.join(long)}"


def imports(nb):
    "Sin `import *`, y las celdas que importan no hacen otra cosa (nbdev las ejecuta al hacer el sitio)."
    for cell in nb.code:
        if "%pip install" in cell.body:
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
    "Un nombre, un atributo, una figura, un objeto nuevo…; de las demás llamadas no se sabe."
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


def links(nb):
    "Un enlace no lleva por texto el nombre de una función en `comillas`: nbdev lo enlazaría dos veces."
    for cell in nb.cells:
        if cell.kind == "markdown" and (found := re.search(r"\[`\w+`\]\([^)]*\.ipynb", cell.source)):
            yield f"el texto del enlace «{found[0]}» va sin comillas inversas"


def size(nb):
    "Un cuaderno ocupa 500 KB como mucho."
    if nb.bytes > MAX_BYTES:
        yield f"ocupa {nb.bytes // 1000} KB (como mucho, {MAX_BYTES // 1000})"


def figures(nb):
    "Toda figura dice con palabras, en `fig-alt`, lo que enseña a quien no la ve."
    for cell in nb.code:
        if cell.is_picture and not cell.hidden and "fig-alt" not in cell.directives:
            yield f"«{first_line(cell)}» dibuja una figura sin «#| fig-alt»"


def folds(nb):
    "Lo que se pliega dice en español qué es: sin `code-summary`, el sitio pondría «Code»."
    for cell in nb.code:
        if "code-fold" in cell.directives and "code-summary" not in cell.directives:
            yield f"«{first_line(cell)}» se pliega sin «#| code-summary»"


def install_cell(root: Path, nb) -> str:  # el texto de la celda
    "La celda que en Colab instala el paquete; la dirección sale de settings.ini."
    cfg = website.settings(root)
    extra = "" if nb.folder == "tutorial" else "[cuadernos]"
    names = {"package": cfg["lib_name"], "user": cfg["user"], "repo": cfg["repo"], "branch": cfg["branch"]}
    return INSTALL.format(extra=extra, **names).strip()


def opens_in_colab(nb) -> bool:
    return not nb.folder.startswith("rooms") and nb.name not in ("index.ipynb", "07_glossary.ipynb")


def runs_in_colab(nb):
    "Los cuadernos que se abren en Colab empiezan por la celda que instala el paquete."
    root = nb.path.parents[nb.folder.count("/") + 2]
    if opens_in_colab(nb) and not any(c.source.strip() == install_cell(root, nb) for c in nb.code[:2]):
        yield "no empieza por la celda que instala el paquete en Colab (python .ci/style.py --colab)"


def write_install_cells(root: Path) -> None:  # carpeta del proyecto
    "Pone la celda de Colab donde falta, o la cambia si settings.ini dice ya otra dirección."
    for path in website.notebooks(root):
        nb = Notebook(path)
        if not opens_in_colab(nb):
            continue
        raw = json.loads(path.read_text(encoding="utf-8"))
        old = next((c for c in raw["cells"][:4] if "%pip install" in "".join(c["source"])), None)
        cell = old or {
            "cell_type": "code",
            "execution_count": None,
            "id": "c01ab000",
            "metadata": {},
            "outputs": [],
        }
        cell["source"] = install_cell(root, nb).splitlines(keepends=True)
        if not old:
            named = any(o.startswith("default_exp") for o in nb.cells[1].options)
            raw["cells"].insert(2 if named else 1, cell)
        text = json.dumps(raw, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
        path.write_text(text, encoding="utf-8")


def words(text: str) -> int:  # Markdown → palabras que se leen
    "Cuenta las palabras, sin bloques de código ni direcciones de enlaces."
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return len(re.sub(r"\]\([^)]*\)", "]", text).split())


def code_lines(cell: Cell) -> int:  # sin las líneas en blanco
    return sum(bool(line.strip()) for line in cell.body.splitlines())


def measure_lesson(nb) -> dict:  # lo que se mide → cuánto
    "Las cifras de una lección, que `LESSON_LIMITS` acota."
    shown = [c for c in nb.cells if c.kind == "markdown" or c.visible]
    prose = sum(words(c.source) for c in shown if c.kind == "markdown")
    visible = [c for c in shown if c.visible]
    lines = sum(code_lines(c) for c in visible)
    first = next((i for i, c in enumerate(nb.cells) if c.kind == "code" and c.is_picture), len(nb.cells))
    before = nb.cells[: first + 1]
    names = [s.name for c in visible if c.exported for s in c.statements if isinstance(s, DEFINITIONS)]
    return {
        "celdas": len(nb.cells),
        "minutos": round(prose / WORDS_A_MINUTE + lines / LINES_A_MINUTE, 1),
        "líneas visibles": lines,
        "de ellas, exportadas": sum(code_lines(c) for c in visible if c.exported),
        "funciones privadas": sum(name.startswith("_") for name in names),
        "figuras": sum(c.is_picture for c in nb.code),
        "palabras hasta la primera figura": sum(words(c.source) for c in before if c.kind == "markdown"),
        "líneas hasta la primera figura": sum(code_lines(c) for c in before if c.visible),
        "aserciones visibles": sum(
            len(re.findall(r"^\s*assert\b|testing\.assert", c.body, re.M)) for c in visible
        ),
        "ejercicios": sum(len(re.findall(r"^### Ejercicio", c.source, re.M)) for c in nb.cells),
        "palabras por línea": round(prose / max(lines, 1), 1),
    }


def lesson(nb):
    "Una lección cabe en su tabla, se ejecuta sin herramientas de desarrollo y sus respuestas son pruebas."
    if nb.folder != "tutorial":
        return
    for what, n in measure_lesson(nb).items():
        low, high = LESSON_LIMITS[what]
        if not low <= n <= high:
            yield f"{what}: {n} ({f'al menos {low}' if n < low else f'como mucho {high}'})"
    for cell in nb.code:
        if re.search(r"^\s*(from|import) (nbdev|fastcore)", cell.body, re.M):
            yield f"«{first_line(cell)}»: una lección no usa nbdev ni fastcore"
    answers = [
        c for c in nb.code if any(o.startswith("code-summary") and "Respuesta" in o for o in c.options)
    ]
    exercises = measure_lesson(nb)["ejercicios"]
    if len(answers) < exercises:
        yield f"tiene {exercises} ejercicios y {len(answers)} respuestas"
    for cell in answers:
        if "assert" not in cell.body:
            yield f"«{first_line(cell)}»: la respuesta no comprueba nada"


def title(nb):
    "Los títulos van en las palabras que busca la gente: sin código."
    if "`" in nb.cells[0].body.split("\n")[0]:
        yield "su título lleva código: en el índice y en el buscador no se lee bien"


def in_a_hurry(nb):
    "La página de una orden empieza por lo que responde; su código va al final, en «Cómo está hecho»."
    if nb.folder != "tool/commands":
        return
    shown = [i for i, c in enumerate(nb.cells) if any("$ catsdogs" in output_text(o) for o in c.outputs)]
    defined = [
        i
        for i, c in enumerate(nb.cells)
        if c.kind == "code"
        and {"export", "exports"} & set(c.directives)
        and re.search(r"^(def|class) ", c.body, re.M)
    ]
    if not shown or (defined and defined[0] < shown[0]):
        yield "enseña código antes que la respuesta de la orden"
    headings = [c.body for c in nb.cells if c.kind == "markdown" and "## Cómo está hecho" in c.body]
    if defined and not headings:
        yield "no tiene el apartado «Cómo está hecho»"


RULES = [
    title,
    in_a_hurry,
    figures,
    folds,
    runs_in_colab,
    lesson,
    first_cell,
    module_name,
    closing,
    one_definition,
    export_lengths,
    imports,
    directives,
    stored_outputs,
    visible_tests,
    links,
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
    minutes = sum(measure_lesson(nb)["minutos"] for nb in notebooks if nb.folder == "tutorial")
    if minutes > ALL_LESSONS_MINUTES:
        found.append(f"las lecciones duran {minutes:.0f} minutos (como mucho, {ALL_LESSONS_MINUTES})")
    return (
        found
        + [f"{nb.name}: nombre con letras que no son ASCII" for nb in notebooks if not nb.name.isascii()]
        + list(file_problems(root))
    )


def lessons_table(root: Path) -> str:  # carpeta del proyecto → la tabla de las lecciones
    "Una fila por lección y una columna por cada cosa que se mide."
    rows = {
        nb.name: measure_lesson(nb)
        for nb in map(Notebook, sorted((root / "nbs" / "tutorial").glob("*.ipynb")))
    }
    heads = ["lección", *LESSON_LIMITS]
    lines = [" | ".join(heads), *(" | ".join(map(str, [n, *row.values()])) for n, row in rows.items())]
    minutes = sum(row["minutos"] for row in rows.values())
    return "\n".join([*lines, f"en total, {minutes:.0f} minutos (como mucho, {ALL_LESSONS_MINUTES})"])


if __name__ == "__main__":
    project = Path(__file__).resolve().parents[1]
    if sys.argv[1:] == ["--lecciones"]:
        sys.exit(print(lessons_table(project)))
    if sys.argv[1:] == ["--colab"]:
        sys.exit(write_install_cells(project))
    found = problems(project)
    print("\n".join(found) or "Todo en orden.")
    sys.exit(bool(found))
