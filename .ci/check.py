"""Comprueba el proyecto entero.

    python .ci/check.py                todas las comprobaciones
    python .ci/check.py NOMBRE…        sólo ésas (los nombres, con --lista)

Trabaja en una copia temporal: un clon de HEAD si no hay nada sin confirmar y, si lo hay, los
archivos que git no ignora. Tu carpeta no se toca. Lo que falla no detiene al resto: todo se
cuenta al final, y la última línea dice cuántas comprobaciones pasan y cuántas no.
"""

import argparse
import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import floors
import readme
import style
import website

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
PACKAGE = website.settings(ROOT)["lib_name"]
CHECKS = {}


class Failed(Exception):
    "Una comprobación que no pasa; su texto dice qué se ha encontrado."


@dataclass
class Project:
    "La copia en la que trabajan las comprobaciones, y cómo se ejecuta algo en ella."

    root: Path  # la copia del proyecto
    scratch: Path  # carpeta vacía para lo demás
    flags: str = ""  # marcas (slow gpu red) de las celdas que no hay que saltarse
    full: bool = False  # ¿instalar el paquete con todas sus dependencias?
    home: Path | None = None  # dónde guardar vectores y dibujos; None, en scratch
    env: dict = field(init=False)

    def __post_init__(self):
        self.env = {
            **os.environ,
            "PYTHONPATH": str(self.root),
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "CATSDOGS_HOME": str(self.home or self.scratch / "hogar"),
            "IPYTHONDIR": str(self.scratch / "ipython"),
        }
        self.env.setdefault(
            "OMP_WAIT_POLICY", "PASSIVE"
        )  # dos cuadernos a la vez: quien espera no ocupa núcleo
        for name in ("IN_TEST", "MPLBACKEND"):
            self.env.pop(name, None)
        if data := self.env.get("CATSDOGS_DATA"):
            self.env["CATSDOGS_DATA"] = str(Path(data).resolve())

    @property
    def notebooks(self) -> list:  # index primero y luego por nombre
        return website.notebooks(self.root)

    def run(self, *command, cwd: Path = None, env: dict = None) -> subprocess.CompletedProcess:
        "Ejecuta una orden y devuelve lo que ha escrito, sin mirar si ha fallado."
        return subprocess.run(
            [str(c) for c in command],
            cwd=cwd or self.root,
            env=env or self.env,
            text=True,
            encoding="utf-8",
            errors="replace",
            capture_output=True,
        )

    def must(self, *command, **kwargs) -> str:  # lo que escribe la orden en su salida
        "Ejecuta una orden que debe salir bien."
        res = self.run(*command, **kwargs)
        if res.returncode:
            raise Failed(
                f"«{Path(command[0]).name} {' '.join(map(str, command[1:]))[:100]}» sale con el código "
                f"{res.returncode}:\n{tail(res.stdout + res.stderr)}"
            )
        return res.stdout


def check(name: str):  # nombre de la comprobación en la línea de órdenes
    "Decorador: apunta una función en la lista de comprobaciones. Lanza `Failed`, o devuelve una nota."

    def add(func):
        CHECKS[name] = func
        return func

    return add


def tail(text: str, n: int = 40) -> str:  # las últimas líneas, sin los colores de la terminal
    return "\n".join(re.sub(r"\x1b\[[0-9;]*m", "", text).strip().splitlines()[-n:])


# ---------------------------------------------------------------- lo guardado y lo generado


def snapshot(root: Path) -> dict:  # archivos que escriben nbdev_clean y nbdev_export → su contenido
    "Lee los cuadernos y el paquete."
    files = [*website.notebooks(root), *(root / PACKAGE).rglob("*.py"), root / "README.md"]
    return {f: f.read_bytes() for f in files if f.is_file()}


def unchanged(project: Project, advice: str, *command) -> None:
    "Ejecuta una orden que no debe cambiar ningún archivo; deja la copia como estaba."
    before = snapshot(project.root)
    project.must(*command)
    after = snapshot(project.root)
    changed = sorted(
        f.relative_to(project.root).as_posix()
        for f in before.keys() | after.keys()
        if before.get(f) != after.get(f)
    )
    for f in after.keys() - before.keys():
        f.unlink()
    for f, content in before.items():
        f.write_bytes(content)
    if changed:
        raise Failed(f"{advice}. Cambian:\n" + "\n".join(changed))


@check("limpieza")
def clean(project):
    "los cuadernos están limpios (nbdev_clean no cambia nada)"
    unchanged(project, "Ejecuta nbdev_clean", BIN / "nbdev_clean")


@check("exportacion")
def export(project):
    "el paquete es el que exportan los cuadernos, ni más ni menos"
    unchanged(project, "Ejecuta nbdev_export", BIN / "nbdev_export")
    folder = project.root / PACKAGE
    modules = {
        ".".join(f.relative_to(folder).with_suffix("").parts)
        for f in folder.rglob("*.py")
        if not f.name.startswith("_")
    }
    stale = modules - {
        o.split()[1]
        for nb in project.notebooks
        for c in style.Notebook(nb).code
        for o in c.options
        if o.startswith("default_exp ")
    }
    if stale:
        raise Failed(f"Módulos que no salen de ningún cuaderno: {', '.join(sorted(stale))}")


@check("pisos")
def imports_go_down(project):
    "cada módulo importa sólo de los pisos de abajo, sin ciclos y sin nombres privados de otro"
    if found := floors.problems(project.root / PACKAGE):
        raise Failed("\n".join(found))


@check("estilo")
def follow_style(project):
    "los cuadernos siguen las reglas de estilo"
    if found := style.problems(project.root):
        raise Failed("\n".join(found))


@check("ruff")
def lint(project):
    "ruff no encuentra nada que arreglar, ni en los cuadernos ni en el paquete"
    folders = ["nbs", ".ci", "benchmarks", "setup.py"]
    project.must(BIN / "ruff", "check", "--no-cache", "--output-format", "concise", *folders, PACKAGE)
    project.must(BIN / "ruff", "format", "--no-cache", "--check", *folders)


@check("readme")
def readme_matches(project):
    "README.md dice lo mismo que index.ipynb"
    current = (project.root / "README.md").read_text(encoding="utf-8")
    if readme.is_current(
        current, project.must(sys.executable, ROOT / ".ci" / "readme.py", "--ver", project.root)
    ):
        return
    raise Failed("README.md no dice lo mismo que index.ipynb: ejecuta python .ci/readme.py")


@check("sitio")
def site_builds(project):
    "el sitio se construye sin avisos ni enlaces rotos"
    try:
        return website.build(project.root, project.env)
    except website.SiteError as e:
        raise Failed(str(e)) from None


# ---------------------------------------------------------------- los cuadernos


def nbdev_test(project: Project, env: dict) -> str:
    "Pasa nbdev_test a todos los cuadernos; antes, al del embedding, cuyos vectores aprovechan los demás."
    options = ["--flags", project.flags] if project.flags else []
    if (project.root / "nbs" / "tutorial" / "03_embedding.ipynb").exists():
        project.must(BIN / "nbdev_test", "--path", "nbs/tutorial/03_embedding.ipynb", *options, env=env)
    out = project.must(BIN / "nbdev_test", "--timing", *options, env=env)
    slowest = ", ".join(f"{name} {secs} s" for name, secs in re.findall(r"(\w+)\.ipynb: (\d+) secs", out)[:3])
    return f"{len(project.notebooks)} cuadernos; los más lentos: {slowest}"


@check("pruebas")
def tests_pass(project):
    "nbdev_test pasa en todos los cuadernos"
    return nbdev_test(project, project.env)


@check("dibujos")
def tests_pass_on_drawings(project):
    "nbdev_test pasa también sin fotos, con los dibujos"
    if not project.env.get("CATSDOGS_DATA"):
        return "ya lo ha hecho «pruebas»: no hay CATSDOGS_DATA"
    return nbdev_test(project, {k: v for k, v in project.env.items() if k != "CATSDOGS_DATA"})


def source(env: dict) -> str:
    return "con fotos reales" if env.get("CATSDOGS_DATA") else "con los dibujos"


@check("kernel")
def run_in_jupyter(project):
    "los cuadernos se ejecutan de arriba abajo en Jupyter y dan los números guardados"
    import nbformat

    failures, compared, pairs = [], 0, []
    for path in project.notebooks:
        stored = nbformat.read(path, 4)
        try:
            pairs.append((path.name, stored, execute(project, path)))
        except Exception as e:
            failures.append(f"{path.name}: {tail(str(e), 15)}")
    known = [same for _, stored, fresh in pairs if (same := same_data(stored, fresh)) is not None]
    for name, stored, fresh in pairs:
        same = same_data(stored, fresh)
        if not (all(known) if same is None else same):
            continue
        compared += 1
        failures += [f"{name}: {d}" for d in output_diffs(stored, fresh)]
    if failures:
        raise Failed("\n".join(failures))
    skipped = len(pairs) - compared
    return f"{len(pairs)} cuadernos; salidas comparadas en {compared}" + (
        f", los otros {skipped} se guardaron con otras fotos u otra red" if skipped else ""
    )


def execute(project: Project, path: Path):  # cuaderno → el mismo recién ejecutado
    "Ejecuta un cuaderno en un kernel de Jupyter; se salta las celdas marcadas como slow, gpu o red."
    import nbformat
    from nbclient import NotebookClient

    skip = set(website.settings(project.root)["tst_flags"].split()) - set(project.flags.split())
    nb = nbformat.read(path, 4)
    for raw in nb.cells:
        if raw.cell_type == "code" and style.Cell(raw).directives & skip:
            raw.source = ""
    client = NotebookClient(
        nb, timeout=1800, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}
    )
    with open(
        project.scratch / "kernel.log", "a"
    ) as log:  # lo que dice el propio kernel, que no es salida del cuaderno
        return client.execute(env=project.env, stderr=log)


def text_outputs(cell) -> str:  # celda → lo que ha escrito, sin avisos ni imágenes
    "El texto de las salidas de una celda, sin las direcciones de memoria."
    texts = [
        "".join(o.get("text", ""))
        if o.output_type == "stream"
        else "".join(o.get("data", {}).get("text/plain", ""))
        for o in cell.get("outputs", [])
        if o.get("name") != "stderr"
    ]
    return re.sub(r" at 0x[0-9a-fA-F]+", "", "\n".join(t.rstrip("\n") for t in texts))


IMAGES = re.compile(r"\b(\d+(?:[.\s]\d{3})*) (?:imágenes|fotos|dibujos)\b")
NETWORK = re.compile(r"\b(efficientnet_lite\d|resnet\d+)\b")


def data_used(nb) -> tuple:  # cuaderno → (número de imágenes, red), o None si no lo dice
    "Lee la línea en la que cada cuaderno dice cuántas imágenes y qué red usa."
    for line in "\n".join(text_outputs(c) for c in nb.cells).splitlines():
        n, network = IMAGES.search(line), NETWORK.search(line)
        if n and network:
            return re.sub(r"\D", "", n[1]), network[1]


def same_data(stored, fresh) -> bool:  # None si el cuaderno no dice qué ha usado
    "¿Se guardó con las mismas imágenes y la misma red con que acaba de ejecutarse?"
    return data_used(stored) == data_used(fresh) if data_used(stored) else None


NUMBER = re.compile(r"\d+(?:[.,]\d+)?")


def alike(old: str, new: str) -> bool:
    """¿Dicen lo mismo? Las palabras, iguales; los números, con dos unidades de margen en su última cifra, o el uno por ciento:
    los vectores cambian en la quinta cifra de un procesador a otro, y con ellos las últimas de las tablas."""
    if NUMBER.sub("0", old).split() != NUMBER.sub("0", new).split():
        return False
    for a, b in zip(NUMBER.findall(old), NUMBER.findall(new)):
        unit = 10.0 ** -max(len(n.replace(",", ".").partition(".")[2]) for n in (a, b))
        x, y = float(a.replace(",", ".")), float(b.replace(",", "."))
        if abs(x - y) > max(2.01 * unit, 0.01 * max(x, y)):
            return False
    return True


def output_diffs(stored, fresh):  # → una descripción por celda distinta
    "Compara las salidas de texto guardadas con las recién calculadas."
    for old, new in zip(stored.cells, fresh.cells):
        if old.cell_type != "code" or not new.source or alike(text_outputs(old), text_outputs(new)):
            continue
        lines = difflib.unified_diff(
            text_outputs(old).splitlines(),
            text_outputs(new).splitlines(),
            "guardado",
            "ahora",
            n=0,
            lineterm="",
        )
        yield f"«{style.first_line(style.Cell(old))}» da otra salida\n" + tail("\n".join(list(lines)[:12]))


# ---------------------------------------------------------------- el paquete instalado


@check("importacion")
def import_is_light(project):
    "import catsdogs_clustering no carga ni torch ni scikit-learn"
    code = f"import sys, {PACKAGE}; print(*sorted({{'torch', 'torchvision', 'timm', 'sklearn'}} & sys.modules.keys()))"
    if heavy := project.must(sys.executable, "-c", code).strip():
        raise Failed(f"carga {heavy}")


# En el entorno nuevo: las herramientas de desarrollo no están, y todos los módulos se importan.
IMPORT_ALL = f"""
import importlib, importlib.util, pkgutil, {PACKAGE}
found = [m for m in ("nbdev", "fastcore", "execnb", "IPython") if importlib.util.find_spec(m)]
assert not found, f"en el entorno vacío hay {{found}}"
for m in pkgutil.walk_packages({PACKAGE}.__path__, "{PACKAGE}."): importlib.import_module(m.name)
assert "site-packages" in {PACKAGE}.__file__, {PACKAGE}.__file__
"""


@check("paquete")
def wheel_works(project):
    "el paquete se instala desde su wheel en un entorno vacío y funciona sin nbdev"
    env = {
        k: v for k, v in project.env.items() if k != "PYTHONPATH"
    }  # aquí el paquete sólo puede salir del wheel
    project.must(
        sys.executable, "-m", "build", "--wheel", "--outdir", project.scratch / "wheel", project.root, env=env
    )
    [wheel] = (project.scratch / "wheel").glob("*.whl")
    venv = project.scratch / "entorno"
    project.must(sys.executable, "-m", "venv", "--without-pip", venv, env=env)
    pip = [sys.executable, "-m", "pip", "--python", venv / "bin" / "python"]
    if not project.full:
        link_requirements(venv)
    project.must(
        *pip, "install", "--quiet", *([] if project.full else ["--no-deps", "--no-index"]), wheel, env=env
    )
    project.must(*pip, "check", env=env)
    project.must(venv / "bin" / "python", "-c", IMPORT_ALL, cwd=project.scratch, env=env)
    project.must(
        venv / "bin" / "catsdogs", "demo", "--salida", "resultados_wheel", cwd=project.scratch, env=env
    )
    return (
        "dependencias instaladas de cero"
        if project.full
        else "dependencias enlazadas, no instaladas (véase --completo)"
    )


def link_requirements(venv: Path) -> None:
    """Enlaza en el entorno vacío lo que el paquete declara en install_requires, y lo que aquello pide a su vez.

    Instalarlo de verdad son 6 GB y dos minutos (eso hace --completo, y siempre que CI esté definida). Así
    el entorno tampoco ve más que lo declarado: si falta un requisito en settings.ini, su módulo no se importa."""
    from importlib.metadata import distribution

    from packaging.requirements import Requirement

    target = next((venv / "lib").glob("python*")) / "site-packages"
    pending, seen = website.settings(ROOT)["requirements"].split(), set()
    while pending:
        req = Requirement(pending.pop())
        if req.name.lower() in seen or req.marker and not req.marker.evaluate({"extra": ""}):
            continue
        seen.add(req.name.lower())
        dist = distribution(req.name)
        pending += dist.requires or []
        for name in {f.parts[0] for f in dist.files} - {"..", "__pycache__"}:
            if not (target / name).exists():
                (target / name).symlink_to(dist.locate_file(name))


# ---------------------------------------------------------------- la orden catsdogs


@check("errores")
def bad_input(project):
    "con una carpeta que no sirve, catsdogs demo lo dice en una línea y sale con el código 2"
    work = project.scratch / "errores"
    (work / "vacía").mkdir(parents=True)
    (work / "una").mkdir()
    (work / "texto").mkdir()
    from PIL import Image

    for i in range(4):
        Image.new("RGB", (64, 64), (60 * i, 90, 120)).save(work / "texto" / f"foto{i}.png")
    Image.new("RGB", (64, 64)).save(work / "una" / "sola.png")
    (work / "texto" / "cat.1.jpg").write_text("esto no es una foto", encoding="utf-8")
    failures = [
        f"{name}: {p}"
        for name in ("no_existe", "vacía", "una", "texto")
        for p in refusal_problems(project, work, name)
    ]
    if failures:
        raise Failed("\n".join(failures))


def refusal_problems(project: Project, work: Path, name: str):  # → qué tiene de malo la respuesta
    "Lanza `catsdogs demo` sobre una carpeta que no sirve y mira cómo se niega."
    before = sorted(work.rglob("*"))
    res = project.run(BIN / "catsdogs", "demo", "--datos", name, "--salida", "resultados", cwd=work)
    lines = res.stderr.strip().splitlines()
    if res.returncode != 2:
        yield f"sale con el código {res.returncode}, no con 2"
    if len(lines) != 1 or "Traceback" in res.stderr:
        yield "no escribe una sola línea en stderr:\n" + tail(res.stderr)
    elif not (name in lines[0] or "cat.1.jpg" in lines[0]):
        yield f"no dice de qué carpeta o archivo habla: {lines[0]}"
    if sorted(work.rglob("*")) != before:
        yield "deja algo escrito"


@check("demo")
def demo_repeats(project):
    "catsdogs demo acierta con los dibujos, y dos veces da lo mismo"
    env = {k: v for k, v in project.env.items() if k != "CATSDOGS_DATA"}
    tables = []
    for folder in ("demo1", "demo2"):
        project.must(BIN / "catsdogs", "demo", "--salida", folder, cwd=project.scratch, env=env)
        tables.append({p.name: p.read_bytes() for p in sorted((project.scratch / folder).rglob("*.csv"))})
    if not tables[0]:
        raise Failed("no escribe ninguna tabla CSV")
    if tables[0] != tables[1]:
        raise Failed("las tablas de dos ejecuciones no son iguales")
    if (accuracy := best_accuracy(tables[0])) < 0.95:
        raise Failed(f"acierta {accuracy:.3f} de los dibujos (mínimo, 0.95)")
    return f"aciertos con los dibujos: {accuracy:.3f}"


def best_accuracy(tables: dict) -> float:  # tablas CSV por nombre → proporción de aciertos
    "Empareja los dos grupos con gato y perro de la mejor manera; la clase la dice el nombre del archivo."
    import io

    import pandas as pd

    for content in tables.values():
        table = pd.read_csv(io.BytesIO(content))
        label = next((c for c in table if c.lower() in ("cluster", "grupo", "etiqueta", "label")), None)
        path = next(
            (c for c in table if table[c].astype(str).str.contains(r"(?:cat|dog)\.\d+", regex=True).any()),
            None,
        )
        if label and path:
            is_cat = table[path].astype(str).str.contains(r"\bcat\.\d+", regex=True)
            agree = (is_cat == (table[label] == table[label].iloc[0])).mean()
            return max(agree, 1 - agree)
    raise Failed(f"ninguna tabla tiene la ruta de cada foto y su grupo: {', '.join(tables)}")


# ---------------------------------------------------------------- cómo se ejecuta todo


def copy_project(dest: Path) -> str:  # → de dónde ha salido la copia
    "Clona HEAD; si hay cambios sin confirmar, copia los archivos que git no ignora."
    git = lambda *args: subprocess.run(["git", *args], cwd=ROOT, capture_output=True, text=True)
    if git("rev-parse", "HEAD").returncode == 0 and not git("status", "--porcelain").stdout:
        subprocess.run(["git", "clone", "--quiet", ROOT, dest], check=True)
        return "un clon de HEAD"
    files = git("ls-files", "-z", "--cached", "--others", "--exclude-standard").stdout.split("\0")
    for name in filter(None, files):
        if not (ROOT / name).exists():
            continue  # borrado y sin confirmar
        (dest / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, dest / name, follow_symlinks=False)
    subprocess.run(["git", "init", "--quiet", dest], check=True)
    return "una copia de los archivos, con cambios sin confirmar"


def run_check(name: str, project: Project) -> str:  # → el fallo, o una cadena vacía
    "Ejecuta una comprobación y cuenta en una línea cómo ha ido y cuánto ha tardado."
    start = time.time()
    print(f"  {name:12} {CHECKS[name].__doc__}…", flush=True)
    try:
        note, failure = CHECKS[name](project), ""
    except Failed as e:
        note, failure = "", str(e)
    except Exception as e:
        note, failure = "", f"{type(e).__name__}: {e}"
    print(
        f"  {'':12} {'FALLA' if failure else 'bien'}, {time.time() - start:.0f} s{f' ({note})' if note else ''}",
        flush=True,
    )
    return failure


def parse_args():
    "Lee la línea de órdenes."
    parser = argparse.ArgumentParser(
        description="Comprueba el proyecto entero, o sólo lo que se nombre.", add_help=False
    )
    parser.add_argument("nombres", nargs="*", metavar="NOMBRE", help="comprobaciones que hacer (todas)")
    parser.add_argument("--lista", action="store_true", help="enumera las comprobaciones y acaba")
    parser.add_argument(
        "--marcas", default="", metavar="«slow gpu red»", help="ejecuta también las celdas con estas marcas"
    )
    parser.add_argument(
        "--con-cache", action="store_true", help="aprovecha los vectores ya calculados en .cache/"
    )
    parser.add_argument(
        "--completo",
        action="store_true",
        default=bool(os.environ.get("CI")),
        help="prueba el paquete con sus dependencias instaladas de cero (sí, si CI está definida)",
    )
    parser.add_argument("-h", "--ayuda", action="help", help="muestra esta ayuda y acaba")
    args = parser.parse_args()
    if unknown := [n for n in args.nombres if n not in CHECKS]:
        parser.error(f"no hay ninguna comprobación «{unknown[0]}»; hay {', '.join(CHECKS)}")
    return args


def main() -> int:  # → código de salida
    "Hace las comprobaciones pedidas y cuenta los fallos al final."
    args = parse_args()
    if args.lista:
        for name, func in CHECKS.items():
            print(f"{name:12} {func.__doc__}")
        return 0
    if (data := os.environ.get("CATSDOGS_DATA")) and not Path(data).is_dir():
        sys.exit(f"CATSDOGS_DATA nombra una carpeta que no existe: «{data}».")
    failures, start = {}, time.time()
    names = args.nombres or list(CHECKS)
    with tempfile.TemporaryDirectory(prefix="catsdogs-", ignore_cleanup_errors=True) as folder:
        root = Path(folder) / "proyecto"
        origin = copy_project(root)
        home = ROOT / ".cache" if args.con_cache else None
        project = Project(root, Path(folder), flags=args.marcas, full=args.completo, home=home)
        print(f"Trabajamos en {origin}, {source(project.env)}.", flush=True)
        for name in names:
            if failure := run_check(name, project):
                failures[name] = failure
    for name, failure in failures.items():
        print(f"\n== {name}: {CHECKS[name].__doc__}\n{failure}")
    print(f"\n{time.time() - start:.0f} s en total.")
    print(f"{len(names) - len(failures)} passed, {len(failures)} failed")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
