import multiprocessing as mp
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
def f(x): return x * x
if __name__ == "__main__":
    with mp.get_context("fork").Pool(2) as p: print(p.map(f, range(4)))
    with ThreadPoolExecutor(2) as p: print(list(p.map(f, range(4))))
    with ProcessPoolExecutor(2, mp_context=mp.get_context("spawn")) as p: print(list(p.map(f, range(4))))
