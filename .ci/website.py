"""Construye el sitio y comprueba que no le falta ningún enlace.

    python .ci/website.py          deja el sitio en _docs/, para verlo antes de publicar

Hacemos lo mismo que `nbdev_docs` hasta llegar a Quarto: los cuadernos procesados, en `_proc/`. De
ahí en adelante trabaja Quarto, si está instalado (así se publica), o smalldocs, que lee el mismo
`_quarto.yml`. El último repaso a las páginas, en `pages.py`, es igual para los dos. El README no se
toca: lo escribe `readme.py`, y nadie más.
"""

import os
import re
import shutil
import subprocess
import sys
from configparser import ConfigParser
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pages

# Lo que hace `nbdev_docs` antes de llamar a Quarto, salvo instalarlo, y con nuestros procesadores.
NBDEV_PROC = """
import sys
import nbdev.config, nbdev.doclinks, nbdev.quarto, nbdev.serve
if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    import pages
    nbdev.config.get_config().d["procs"] = pages.PROCS
    nbdev.quarto.refresh_quarto_yml()
    nbdev.doclinks._build_modidx()
    nbdev.serve.proc_nbs(force=True, n_workers=0)
"""
COVER = Path("nbs") / "images" / "portada.png"  # la imagen de la portada, sin fotos, que dibuja cover.py
COVER_ALT = "Dibujos de gatos y perros, primero mezclados y después en dos grupos, uno de cada."
# Así empiezan los avisos de Quarto, smalldocs y Python; para nosotros un aviso es un fallo...
WARNING = re.compile(r"^\W*(warn|warning|error)\b|\w+Warning\b|Traceback", re.IGNORECASE)
# ... salvo tres de smalldocs: sí lee `lang`, y de lo demás se encargan `rename_pages` y `pages.py`.
HARMLESS = re.compile(
    r"unknown key lang$|: output-file is not read by smalldocs$|html-math-method is ignored$"
)


class SiteError(Exception):
    "El sitio no se ha podido construir, o no está entero."


def settings(
    root: Path,  # carpeta del proyecto
):  # los ajustes de settings.ini
    "Lee settings.ini, de donde sale la dirección del sitio."
    ini = ConfigParser(delimiters=["="])
    ini.read(root / "settings.ini", encoding="utf-8")
    return ini["DEFAULT"]


def site_url(
    root: Path,  # carpeta del proyecto
) -> str:  # dirección del sitio publicado, acabada en /
    "La dirección del sitio, compuesta como la compone nbdev."
    cfg = settings(root)
    return cfg["doc_host"].rstrip("/") + "/" + cfg["doc_baseurl"].strip("/") + "/"


def notebooks(
    root: Path,  # carpeta del proyecto
    folder: str = "nbs",  # dónde, dentro de ella
) -> list[Path]:  # la portada primero, y luego por carpeta y nombre
    "Los cuadernos del proyecto, en todas las carpetas de `nbs/`."
    found = [p for p in (root / folder).rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts]
    return sorted(found, key=lambda p: (p.name != "index.ipynb", p.as_posix()))


def page_name(
    notebook: str | Path,  # un cuaderno, como tutorial/00_dataset.ipynb
) -> str:  # su página, como tutorial/dataset.html
    "La página de un cuaderno se llama como él sin su número (así la nombra nbdev)."
    path = Path(notebook)
    return path.with_name(re.sub(r"^\d+[a-zA-Z0-9]*_", "", path.stem.lower()) + ".html").as_posix()


def run(
    command: list,  # orden y argumentos
    cwd: Path,  # carpeta donde se ejecuta
    env: dict,  # variables de entorno
) -> None:
    "Ejecuta una orden; si falla o avisa de algo, lanza `SiteError` con lo que ha dicho."
    res = subprocess.run(
        [str(c) for c in command],
        cwd=cwd,
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    lines = re.sub(r"\x1b\[[0-9;]*m", "", res.stdout).splitlines()  # sin los colores de la terminal
    warnings = [line for line in lines if WARNING.search(line) and not HARMLESS.search(line)]
    if res.returncode:
        raise SiteError(res.stdout.strip()[-4000:])
    if warnings:
        raise SiteError("avisos al construir:\n" + "\n".join(warnings))


def process(root: Path, env: dict) -> Path:  # carpeta de los cuadernos procesados
    "Procesa los cuadernos con nbdev, y con lo nuestro."
    run([sys.executable, "-c", NBDEV_PROC, Path(__file__).parent], root, env)
    return root / "_proc"


def with_quarto(proc: Path, env: dict) -> None:
    "Construye las páginas como se publican: con Quarto, y sin ejecutar nada."
    run(["quarto", "render", "--no-cache"], proc, env)


def with_smalldocs(proc: Path, env: dict) -> None:
    "Construye las páginas sin Quarto; luego se llaman como las llama él."
    run([sys.executable, "-m", "smalldocs.cli", "render", "--quiet", proc], proc.parent, env)
    rename_pages(proc / "_docs", [nb.relative_to(proc) for nb in notebooks(proc.parent, "_proc")])


def rename_pages(
    docs: Path,  # carpeta del sitio construido
    paths: list[Path],  # los cuadernos, desde nbs/
) -> None:
    "Quita el número a las páginas, como hace Quarto, y arregla los enlaces que las nombran."
    names = {nb.with_suffix(".html").name: Path(page_name(nb)).name for nb in paths}
    for nb in paths:
        if (docs / nb.with_suffix(".html")).is_file():
            (docs / nb.with_suffix(".html")).rename(docs / page_name(nb))
    old_name = re.compile(r"(?<![\w.-])(" + "|".join(map(re.escape, names)) + r")(?![\w.-])")
    for file in [f for f in docs.rglob("*") if f.suffix in (".html", ".json", ".xml")]:
        text = file.read_text(encoding="utf-8")
        file.write_text(old_name.sub(lambda m: names[m[1]], text), encoding="utf-8")


class Page(HTMLParser):
    "Los identificadores y los enlaces de una página."

    def __init__(self, text: str):
        super().__init__()
        self.ids, self.links = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        "Apunta `id`, `name`, `href` y `src` de cada etiqueta."
        attrs = dict(attrs)
        self.ids |= {attrs[k] for k in ("id", "name") if attrs.get(k)}
        self.links += [attrs[k] for k in ("href", "src") if attrs.get(k)]


def dead_links(
    docs: Path,  # carpeta del sitio construido
    url: str,  # dirección donde se publicará
) -> list:  # una línea por cada enlace roto
    "Busca los enlaces del sitio a sí mismo que no llevan a un archivo, o a un ancla, que exista."
    built = {f: Page(f.read_text(encoding="utf-8")) for f in sorted(docs.rglob("*.html"))}
    top = (url, urlsplit(url).path)  # la página 404 enlaza desde la raíz: se enseña en cualquier carpeta
    broken = []
    for file, page in built.items():
        for link in dict.fromkeys(page.links):
            prefix = next((p for p in top if link.startswith(p)), "")
            local = link[len(prefix) :] or "./"
            if urlsplit(local).scheme or local.startswith(("//", "#!")) or local == "#":
                continue
            start = docs if prefix else file.parent
            path, anchor = unquote(urlsplit(local).path), unquote(urlsplit(local).fragment)
            target = Path(os.path.normpath(start / path)) if path else file
            if target.is_dir():
                target /= "index.html"
            if docs not in target.parents or not target.is_file():
                broken.append(f"{file.name}: {link}")
            elif anchor and target in built and anchor not in built[target].ids:
                broken.append(f"{file.name}: {link} (no existe el ancla)")
    return broken


def sidebar_problems(root: Path) -> list:  # una línea por cuaderno que falta o sobra
    "El índice de `_quarto.yml` debe nombrar todos los cuadernos, una vez cada uno."
    text = (root / "_quarto.yml").read_text(encoding="utf-8")
    listed = re.findall(r"[\w/-]+\.ipynb", text)
    present = {nb.relative_to(root / "nbs").as_posix() for nb in notebooks(root)}
    return (
        [f"_quarto.yml: falta {nb} en el índice" for nb in sorted(present - set(listed))]
        + [f"_quarto.yml: {nb} no existe" for nb in sorted(set(listed) - present)]
        + [f"_quarto.yml: {nb} está repetido" for nb in sorted({n for n in listed if listed.count(n) > 1})]
    )


def build(
    root: Path,  # carpeta del proyecto; `nbs/nbdev.yml`, `_proc/` y `_docs/` se escriben en ella
    env: dict,  # variables de entorno
) -> str:  # qué se ha construido, en una línea
    "Construye el sitio y lo comprueba; lanza `SiteError` a la primera fase que falle."
    if problems := sidebar_problems(root):
        raise SiteError("\n".join(problems))
    run([sys.executable, Path(__file__).with_name("cover.py"), "--comprobar", root], root, env)
    tool = "Quarto" if shutil.which("quarto") else "smalldocs"
    proc = process(root, env)
    (with_quarto if tool == "Quarto" else with_smalldocs)(proc, env)
    pages.polish(proc / "_docs")
    pages.write_search(proc / "_docs")
    shutil.rmtree(root / "_docs", ignore_errors=True)
    docs = Path(shutil.move(proc / "_docs", root / "_docs"))
    expected = [page_name(nb.relative_to(root / "nbs")) for nb in notebooks(root)] + ["404.html"]
    missing = [page for page in expected if not (docs / page).is_file()]
    if missing:
        raise SiteError("faltan páginas: " + ", ".join(missing))
    warned = [page for page in expected if "cell-output-stderr" in (docs / page).read_text(encoding="utf-8")]
    if warned:
        raise SiteError("páginas que enseñan avisos de Python: " + ", ".join(warned))
    if broken := dead_links(docs, site_url(root)):
        raise SiteError("enlaces rotos:\n" + "\n".join(broken))
    if loads := pages.third_parties(docs, site_url(root)):
        raise SiteError("páginas que piden algo a otro sitio:\n" + "\n".join(loads))
    if problems := pages.search_problems(docs):
        raise SiteError("el buscador:\n" + "\n".join(problems))
    return f"{len(list(docs.rglob('*.html')))} páginas con {tool}, sin avisos, enlaces rotos ni terceros"


if __name__ == "__main__":
    project = Path(__file__).resolve().parents[1]
    try:
        print(build(project, {**os.environ, "PYTHONPATH": str(project)}) + ": ábrelas en _docs/index.html")
    except SiteError as e:
        sys.exit(str(e))
