"""Comprueba el proyecto entero.

    python .ci/check.py                todas las comprobaciones
    python .ci/check.py NOMBRE…        sólo ésas (los nombres, con --lista)

Trabaja en una copia temporal: un clon de HEAD si no hay nada sin confirmar y, si lo hay, los
archivos que git no ignora. Tu carpeta no se toca. Lo que falla no detiene al resto: todo se
cuenta al final, y la última línea dice cuántas comprobaciones pasan y cuántas no.
"""

import argparse
import contextlib
import difflib
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import browser
import figures
import floors
import readme
import release
import spelling
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
            "COLUMNS": "80",  # la ayuda se parte por el mismo sitio, sea como sea la terminal
        }
        self.env.setdefault(
            "OMP_WAIT_POLICY", "PASSIVE"
        )  # dos cuadernos a la vez: quien espera no ocupa núcleo
        for name in ("IN_TEST", "MPLBACKEND"):
            self.env.pop(name, None)
        if data := self.env.get("CATSDOGS_DATA"):
            self.env["CATSDOGS_DATA"] = str(Path(data).resolve())

    @property
    def bare(self) -> dict:  # el entorno en el que el paquete sólo puede salir del wheel
        return {k: v for k, v in self.env.items() if k != "PYTHONPATH"}

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


@check("publicacion")
def ready_to_release(project):
    "la versión, las restricciones y las licencias dicen lo mismo en todas partes"
    if found := release.problems(project.root):
        raise Failed("\n".join(found))


@check("sitio")
def site_builds(project):
    "el sitio se construye sin avisos ni enlaces rotos"
    try:
        return website.build(project.root, project.env)
    except website.SiteError as e:
        raise Failed(str(e)) from None


@check("ortografia")
def spelled(project):
    "la prosa, los comentarios y los mensajes no tienen faltas de ortografía"
    if not spelling.available():
        if os.environ.get("CI"):
            raise Failed("no hay hunspell con su diccionario de español: .ci/run lo instala")
        return "no se ha mirado: falta hunspell (apt-get install hunspell hunspell-es)"
    if found := spelling.problems(project.root):
        raise Failed("\n".join(found))


@check("navegador")
def site_reads_well(project):
    "el sitio se lee bien en un navegador de verdad, en un teléfono y de noche, y el informe se explora"
    command = [sys.executable, project.root / ".ci" / "browser.py", project.root / "_docs"]
    if not browser.find_browser():
        if os.environ.get("CI"):
            raise Failed(
                "no hay ningún Chromium en esta máquina, y aquí tiene que haberlo: .ci/run lo instala"
            )
        return "no se ha mirado: no hay ningún Chromium en esta máquina (apt-get install chromium)"
    if not (project.root / "_docs" / "index.html").is_file():
        site_builds(project)
    res = project.run(*command)
    if res.returncode:
        raise Failed(tail(res.stdout + res.stderr, 80))
    return res.stdout.strip().splitlines()[-1]


# ---------------------------------------------------------------- las cifras publicadas


@check("cifras")
def figures_agree(project):
    "cada experimento enseña las cifras de su JSON, y ninguna más"
    if found := figures.problems(project.root):
        raise Failed("\n".join(found))
    return f"{len(figures.pages(project.root))} páginas"


FAKE_PAGE = """#| slow
import pandas as pd
from {package}.common.published import publish

measured = pd.DataFrame({{"aciertos": [0.98, 0.9], "fotos": [80, 80]}}, index=["uno", "otro"])
publish("99_page", "métodos", measured, 0.01, "a ojo", {{"aciertos": "1 %"}})"""


def fake_page(project: Project, folder: Path) -> Path:  # → el cuaderno
    "Una página inventada que publica una tabla, ya ejecutada y con su JSON."
    import nbformat
    from notebooks import execute

    path = folder / "nbs" / "experiments" / "99_page.ipynb"
    path.parent.mkdir(parents=True)
    cell = nbformat.v4.new_code_cell(FAKE_PAGE.format(package=PACKAGE))
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    shutil.copy2(project.root / "settings.ini", folder)
    nbformat.write(execute(path, set(), project.env | {"CATSDOGS_PUBLISH": str(path.parent)})[0], path)
    return path


@check("repetir")
def repeats_figures(project):
    "reproduce.py da por buena una página intacta; si se cambia a mano una cifra, la que sea, se ve"
    import alterations
    import reproduce

    page = fake_page(project, project.scratch / "repetir")
    data = page.with_suffix(".json")
    cases = [  # (qué se cambia, dónde, lo viejo, lo nuevo, cuántas cifras fuera, ¿se nota sin ejecutar?)
        ("nada", data, "", "", 0, False),
        ("una cifra del JSON", data, "0.98", "0.88", 1, True),
        ("una cifra del JSON, dentro del margen", data, "0.98", "0.985", 0, True),
        ("una cifra de la página", page, ">98,0 %<", ">99,0 %<", 0, True),
        ("una cifra del texto de la página", page, "uno    98,0 %", "uno    99,0 %", 0, True),
        ("el margen", data, '"tolerance": 0.01', '"tolerance": 0.5', 1, False),
        ("lo que se mide", page, "[0.98, 0.9]", "[0.9, 0.9]", 1, False),
        ("la llamada", page, 'publish(\\"', 'print(\\"', 4, True),
    ]
    for what, path, old, new, n_out, seen in cases:
        content = path.read_text(encoding="utf-8")
        path.write_text(content.replace(old, new), encoding="utf-8")
        with contextlib.redirect_stdout(io.StringIO()):
            lines, troubles = reproduce.repeat(page.parents[2], ["99_page"], project.env)
            verdict = reproduce.tell(lines, troubles)
        if (old and old not in content) or verdict != (not n_out and not seen):
            raise Failed(f"cambiando {what}, responde {verdict}: {lines} {troubles}")
        if (sum(not line[-1] for line in lines), bool(troubles)) != (n_out, seen):
            raise Failed(f"cambiando {what}, encuentra {lines} {troubles}")
        path.write_text(content, encoding="utf-8")
    double = {"rows": {"a": {"s": 1.0}, "b": {"s": 3.0}}, "tolerance": 0.5, "ratio_to": "a"}
    slower = double | {"rows": {"a": {"s": 2.0}, "b": {"s": 6.8}}}
    if not all(line[-1] for line in reproduce.compare("p", {"t": double}, {"t": slower})):
        raise Failed("los tiempos no se comparan como cocientes")
    if all(line[-1] for line in reproduce.compare("p", {"t": double}, {"t": slower | {"tolerance": 0.3}})):
        raise Failed("un cociente fuera de su margen pasa por bueno")
    n, missed = alterations.unnoticed(project.root)
    if missed:
        raise Failed("alteraciones de las que nadie se entera:\n" + "\n".join(missed))
    return f"{n} alteraciones de lo publicado, y se ven todas"


# ---------------------------------------------------------------- los cuadernos


BUDGET = 120  # segundos que puede tardar un cuaderno; pasarse no es un fallo, pero se dice


def over_budget(seconds: dict) -> str:  # cuaderno → segundos
    "Los cuadernos más lentos, y los que se pasan de lo que se les concede."
    slow = sorted(seconds.items(), key=lambda item: -item[1])
    named = ", ".join(f"{name} {secs:.0f} s" for name, secs in slow[:3])
    over = [name for name, secs in slow if secs > BUDGET]
    return f"los más lentos: {named}" + (f"; pasan de {BUDGET} s: {', '.join(over)}" if over else "")


def batches(nbs: Path, notebooks: list) -> list:  # carpetas, y los cuadernos que no están en ninguna
    "Las tandas en que se prueban: lo que un cuaderno deja en la memoria se libera al acabar la suya."
    found = {}
    for path in notebooks:
        folders = path.relative_to(nbs).parts[:-1]
        found[nbs.joinpath(*folders[: 2 if folders[0] == "rooms" else 1]) if folders else path] = None
    return list(found)


def failure(res: subprocess.CompletedProcess) -> str:  # nbdev_test --do_print, que ha salido mal
    "Qué ha dicho, y en qué cuadernos estaba, por si lo que ha caído es el proceso entero."
    steps = r"^(- Completed|Starting) .*?(\w+)\.ipynb$"
    state = {name: step for step, name in re.findall(steps, res.stdout, re.MULTILINE)}
    halfway = ", ".join(name for name, step in state.items() if step == "Starting") or "ninguno"
    out = "\n".join(line for line in (res.stdout + res.stderr).splitlines() if not re.match(steps, line))
    return f"nbdev_test sale con {res.returncode}; a medias, {halfway}:\n{tail(out)}"


@check("pruebas")
def tests_pass(project):
    "nbdev_test pasa en todos los cuadernos, sin fotos, con los dibujos"
    env = {k: v for k, v in project.env.items() if k != "CATSDOGS_DATA"}
    options = ["--flags", project.flags] if project.flags else []
    nbs, seconds, failures = project.root / "nbs", {}, []
    first = nbs / "tutorial" / "03_embedding.ipynb"  # los demás aprovechan sus vectores
    for part in [first, *batches(nbs, project.notebooks)]:
        res = project.run(BIN / "nbdev_test", "--path", part, "--timing", "--do_print", *options, env=env)
        failures += [failure(res)] if res.returncode else []
        seconds |= {name: int(secs) for name, secs in re.findall(r"(\w+)\.ipynb: (\d+) secs", res.stdout)}
    if failures:
        raise Failed("\n".join(failures))
    if len(seconds) != len(project.notebooks):
        raise Failed(f"hay {len(project.notebooks)} cuadernos y se han probado {len(seconds)}")
    return f"{len(seconds)} cuadernos; {over_budget(seconds)}"


def source(env: dict) -> str:
    return "con fotos reales" if env.get("CATSDOGS_DATA") else "con los dibujos"


@check("kernel")
def run_in_jupyter(project):
    "los cuadernos se ejecutan de arriba abajo en Jupyter y dan los números guardados"
    import nbformat
    from notebooks import execute_all

    failures, compared, pairs, times = [], 0, [], {}
    skip = set(website.settings(project.root)["tst_flags"].split()) - set(project.flags.split())
    first = project.root / "nbs" / "tutorial" / "03_embedding.ipynb"  # los demás aprovechan sus vectores
    rest = [path for path in project.notebooks if path != first]
    for path, fresh, seconds, error in [
        *execute_all([first], skip, project.env),
        *execute_all(rest, skip, project.env),
    ]:
        times[path.stem] = seconds
        if error:
            failures.append(f"{path.name}: {tail(str(error), 15)}")
        else:
            pairs.append((path.name, nbformat.read(path, 4), fresh))
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
    others = f", los otros {skipped} se guardaron con otras fotos u otra red" if skipped else ""
    return f"{len(pairs)} cuadernos; salidas comparadas en {compared}{others}; {over_budget(times)}"


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
    """¿Dicen lo mismo? Las palabras, iguales; los números, con dos unidades de margen en su última cifra,
    o el uno por ciento: los vectores cambian en la quinta cifra de un procesador a otro, y con ellos las
    últimas de las tablas."""
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
    heavy = "{'torch', 'torchvision', 'timm', 'sklearn'}"
    code = f"import sys, {PACKAGE}; print(*sorted({heavy} & sys.modules.keys()))"
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
    venv = installed(project)
    python = venv / "bin" / "python"
    project.must(*pip_for(venv), "check", env=project.bare)
    project.must(python, "-c", IMPORT_ALL, cwd=project.scratch, env=project.bare)
    project.must(
        venv / "bin" / "catsdogs",
        "demo",
        "--salida",
        "resultados_wheel",
        cwd=project.scratch,
        env=project.bare,
    )
    return (
        "dependencias instaladas de cero"
        if project.full
        else "dependencias enlazadas, no instaladas (véase --completo)"
    )


@check("lecciones")
def lessons_run_alone(project):
    "cada lección se ejecuta sola: en una carpeta vacía, sin fotos y con sólo el paquete instalado"
    from notebooks import execute_all

    venv = installed(project)
    if project.full:
        project.must(*pip_for(venv), "install", "--quiet", "ipykernel", env=project.bare)
    else:
        link_requirements(venv, ["ipykernel"])
    env = {k: v for k, v in project.bare.items() if k != "CATSDOGS_DATA"}
    alone = project.scratch / "solas"
    paths = []
    for lesson in sorted((project.root / "nbs" / "tutorial").glob("*.ipynb")):
        (alone / lesson.stem).mkdir(parents=True)
        paths.append(Path(shutil.copy(lesson, alone / lesson.stem)))
    skip = set(website.settings(project.root)["tst_flags"].split())
    runs = list(execute_all(paths, skip, env, python=venv / "bin" / "python"))
    if failed := [f"{path.name}: {tail(str(error), 15)}" for path, *_, error in runs if error]:
        raise Failed("\n".join(failed))
    return f"{len(runs)} lecciones; {over_budget({path.stem: secs for path, _, secs, _ in runs})}"


def pip_for(venv: Path) -> list:  # las primeras palabras de la orden
    "pip, sobre un entorno que no lo lleva."
    return [sys.executable, "-m", "pip", "--python", venv / "bin" / "python"]


def installed(project: Project) -> Path:  # la carpeta del entorno
    "Un entorno vacío con el paquete instalado desde su wheel; se prepara una vez."
    venv = project.scratch / "entorno"
    if venv.exists():
        return venv
    wheels = project.scratch / "wheel"
    project.must(sys.executable, "-m", "build", "--wheel", "--outdir", wheels, project.root, env=project.bare)
    [wheel] = wheels.glob("*.whl")
    project.must(sys.executable, "-m", "venv", "--without-pip", venv, env=project.bare)
    if not project.full:
        link_requirements(venv, website.settings(ROOT)["requirements"].split())
    alone = [] if project.full else ["--no-deps", "--no-index"]
    project.must(*pip_for(venv), "install", "--quiet", *alone, wheel, env=project.bare)
    return venv


def link_requirements(venv: Path, names: list) -> None:
    """Enlaza en el entorno vacío unos paquetes (los que se declaran en settings.ini) y lo que piden a su vez.

    Instalarlo de verdad son 6 GB y dos minutos (eso hace --completo, y siempre que CI esté definida). El
    entorno tampoco ve así más que lo declarado: si falta un requisito en settings.ini, un módulo no se
    importa."""
    from importlib.metadata import distribution

    from packaging.requirements import Requirement

    target = next((venv / "lib").glob("python*")) / "site-packages"
    pending, seen = list(names), set()
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


NOT_SOURCE = (
    ".venv",
    "venv",
    ".cache",
    "__pycache__",
    "*.egg-info",
    "build",
    "dist",
    "_proc",
    "_docs",
    ".git",
)


def copy_project(dest: Path) -> str:  # → de dónde ha salido la copia
    "Clona HEAD; si hay cambios sin confirmar, copia los archivos que git no ignora; sin git, todo."
    git = lambda *args: subprocess.run(["git", *args], cwd=ROOT, capture_output=True, text=True)
    if git("rev-parse", "HEAD").returncode == 0 and not git("status", "--porcelain").stdout:
        subprocess.run(["git", "clone", "--quiet", ROOT, dest], check=True)
        return "un clon de HEAD"
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if listed.returncode or not listed.stdout:  # el código de una versión publicada, que no es un clon
        shutil.copytree(ROOT, dest, symlinks=True, ignore=shutil.ignore_patterns(*NOT_SOURCE))
        subprocess.run(["git", "init", "--quiet", dest], check=True)
        return "una copia de la carpeta, que no es un clon de git"
    files = listed.stdout.split("\0")
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
    verdict, remark = "FALLA" if failure else "bien", f" ({note})" if note else ""
    print(f"  {'':12} {verdict}, {time.time() - start:.0f} s{remark}", flush=True)
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
