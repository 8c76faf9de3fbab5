"""Ejecutar cuadernos en un kernel de Jupyter: lo comparten las comprobaciones y `refresh.py`."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import style
from jupyter_client import KernelManager
from nbclient import NotebookClient

AT_ONCE = min(2, os.cpu_count() or 1)  # cuadernos a la vez


def execute(
    path: Path,  # cuaderno
    skip: set,  # marcas de las celdas que no se ejecutan, y conservan su salida
    env: dict,  # variables de entorno del kernel
    python: Path | None = None,  # otro intérprete, con ipykernel instalado
    folder: Path | None = None,  # dónde se ejecuta; None, donde está el cuaderno
):  # el cuaderno recién ejecutado, con los segundos que ha tardado en sus metadatos
    "Ejecuta un cuaderno de arriba abajo; si una celda falla, lanza el error de nbclient."
    nb = nbformat.read(path, 4)
    kept = {}
    for i, raw in enumerate(nb.cells):
        if raw.cell_type == "code" and style.Cell(raw).directives & skip:
            kept[i] = raw.source
            raw.source = ""
    manager = KernelManager(kernel_name="python3")
    if python:
        manager.kernel_spec.argv[0] = str(python)
    where = {"metadata": {"path": str(folder or path.parent)}}
    start = time.time()
    with open(os.devnull, "w") as silence:  # lo que dice el propio kernel no es salida del cuaderno
        try:
            NotebookClient(nb, km=manager, timeout=3600, resources=where).execute(env=env, stderr=silence)
        finally:
            if manager.has_kernel:  # nbclient sólo apaga los que enciende él
                manager.shutdown_kernel(now=True)
    stored = nbformat.read(path, 4)
    for i, source in kept.items():
        nb.cells[i].source, nb.cells[i].outputs = source, stored.cells[i].outputs
    return nb, time.time() - start


def execute_all(paths: list, *args, **kwargs):  # → por cuaderno: (ruta, nuevo, segundos, error o None)
    "Ejecuta varios cuadernos, dos a la vez; el que falla no detiene a los demás."

    def one(path):
        try:
            return (path, *execute(path, *args, **kwargs), None)
        except Exception as error:
            return path, None, 0.0, error

    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(one, paths)
