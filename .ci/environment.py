"""El paquete, en el Python y con las versiones que se digan: se instala de cero y se lanza la demostración.

    python .ci/environment.py                               con este Python y lo más nuevo que haya
    python .ci/environment.py --python python3.10 --versiones oldest
    python .ci/environment.py --extras parquet --cuadernos tutorial/01_eda rooms/networks/58a_shards

`oldest` y `newest` son .ci/constraints-oldest.txt, los mínimos de settings.ini uno por uno, y
.ci/constraints-newest.txt, lo más nuevo que se ha probado. Con --extras se instalan también esos extras; con
--cuadernos, nbdev y lo que piden las pruebas, y se prueban esos cuadernos. Ocupa unos 6 GB mientras dura, en
la carpeta temporal.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import website
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = "Scripts" if os.name == "nt" else "bin"


def constraints(name: str) -> Path:  # archivo de restricciones
    "El archivo de un juego de versiones."
    return ROOT / ".ci" / f"constraints-{name}.txt"


def declared(root: Path) -> list:  # Requirement
    "Las dependencias que se instalan con el paquete, y las de sus extras para usarlo."
    settings = website.settings(root)
    names = ("requirements", "parquet_requirements", "ray_requirements", "int8_requirements")
    return [Requirement(text) for name in names for text in settings[name].split()]


def lowest(root: Path) -> list:  # «paquete==mínimo», en el orden de settings.ini
    "Los mínimos que declara settings.ini; `ValueError` si alguno no tiene."
    pins = []
    for requirement in declared(root):
        bounds = [s.version for s in requirement.specifier if s.operator == ">="]
        if len(bounds) != 1:
            raise ValueError(f"{requirement} no dice desde qué versión")
        pins.append(f"{requirement.name}=={bounds[0]}")
    return pins


def pins(path: Path) -> list:  # «paquete==versión»
    "Las líneas de un archivo de restricciones."
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def problems(root: Path) -> list:  # frases
    "Lo que no cuadra entre settings.ini y los dos archivos de restricciones."
    found = []
    if lowest(root) != pins(root / ".ci" / "constraints-oldest.txt"):
        found.append("constraints-oldest.txt no dice los mínimos de settings.ini, en su orden")
    newest = dict(line.split("==") for line in pins(root / ".ci" / "constraints-newest.txt"))
    for requirement in declared(root):
        if not requirement.specifier.contains(newest.get(requirement.name, "0")):
            found.append(f"constraints-newest.txt no dice una versión de {requirement} que se admita")
    return found


def run(*command, **options) -> None:
    "Enseña una orden y la ejecuta; si falla, se acaba."
    print("$", *(str(c) for c in command), flush=True)
    if code := subprocess.run([str(c) for c in command], **options).returncode:
        sys.exit(code)


def main() -> None:
    "Prepara el entorno, lo prueba y lo borra."
    parser = argparse.ArgumentParser(description="Prueba el paquete en un entorno nuevo.")
    parser.add_argument("--python", default=sys.executable, help="con qué Python (este)")
    parser.add_argument("--versiones", choices=["oldest", "newest"], help="con qué juego de versiones")
    parser.add_argument("--extras", nargs="*", default=[], help="qué extras instalar además")
    parser.add_argument("--cuadernos", nargs="*", default=[], help="cuadernos que probar, sin «nbs/»")
    args = parser.parse_args()
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "CATSDOGS_DATA")}
    with tempfile.TemporaryDirectory(prefix="catsdogs-", ignore_cleanup_errors=True) as folder:
        work = Path(folder)
        env |= {"CATSDOGS_HOME": str(work / "hogar"), "PIP_NO_CACHE_DIR": "1"}
        run(sys.executable, "-m", "build", "--outdir", work / "wheel", ROOT, env=env)
        run(args.python, "-m", "venv", work / "entorno")
        scripts = work / "entorno" / SCRIPTS
        env["PATH"] = f"{scripts}{os.pathsep}{env['PATH']}"
        [wheel] = (work / "wheel").glob("*.whl")
        limits = ["-c", constraints(args.versiones)] if args.versiones else []
        extras = ",".join([*args.extras, *(["cuadernos"] if args.cuadernos else [])])
        wanted = [f"{wheel}[{extras}]" if extras else wheel]
        wanted += ["hypothesis", "psutil"] if args.cuadernos else []
        run(scripts / "python", "-m", "pip", "install", "--quiet", *limits, *wanted, env=env)
        run(scripts / "python", "-m", "pip", "check", env=env)
        run(scripts / "catsdogs", "demo", "--salida", "resultados", cwd=work, env=env)
        for notebook in args.cuadernos:
            run(scripts / "nbdev_test", "--path", f"nbs/{notebook}.ipynb", cwd=ROOT, env=env)
    print("Todo bien.")


if __name__ == "__main__":
    main()
