"""Mide la memoria máxima al convertir 4.000 y 40.000 fotos en vectores, cada cosa en un proceso nuevo.

    python benchmarks/memory.py                      las fotos de CATSDOGS_DATA (o los dibujos), repetidas
    python benchmarks/memory.py --backbone mobilenet_v3_small --numbers 500 5000

`embed` reúne todos los vectores, así que además de lo que está en camino ocupa lo que ocupe el resultado;
`embed_batches` los va entregando, y su memoria no depende de cuántas fotos haya. La red lleva pesos al azar.
Funciona en Linux y en macOS.
"""
import argparse
import json
import resource
import subprocess
import sys
from itertools import cycle, islice


def measure(n: int, method: str, backbone: str) -> dict:
    "Convierte `n` fotos y dice cuánta memoria ha llegado a usar el proceso, en MB."
    from catsdogs_clustering.dataset import example_photos
    from catsdogs_clustering.embedding import ImageEmbedder
    embedder = ImageEmbedder(backbone, weights=None, device="cpu", progress=False).fit()
    paths = islice(cycle(example_photos()), n)
    if method == "embed": size = embedder.embed(list(paths)).vectors.nbytes
    else: size = sum(part.vectors.nbytes for part in embedder.embed_batches(paths))
    unit = 2**20 if sys.platform == "darwin" else 2**10 # macOS cuenta en bytes; Linux, en kilobytes
    return dict(metodo=method, fotos=n, memoria_MB=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit, vectores_MB=size >> 20)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--numbers", type=int, nargs="+", default=[4_000, 40_000], help="cuántas fotos (4000 40000)")
    parser.add_argument("--methods", nargs="+", default=["embed_batches", "embed"], help="embed_batches, embed o los dos")
    parser.add_argument("--backbone", default="efficientnet_lite0", help="red (efficientnet_lite0)")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS) # una sola medida, en este proceso
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measure(args.numbers[0], args.methods[0], args.backbone)))
        return
    for method in args.methods:
        for n in args.numbers:
            command = [sys.executable, __file__, "--one", "--numbers", str(n), "--methods", method, "--backbone", args.backbone]
            print(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip(), flush=True)


if __name__ == "__main__": main()
