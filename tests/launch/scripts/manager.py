import multiprocessing as mp
def add(d, l, i): d[i] = i * i; l.append(i)
if __name__ == "__main__":
    for method in ("fork", "spawn", "forkserver"):
        ctx = mp.get_context(method)
        with ctx.Manager() as m:
            d, l = m.dict(), m.list()
            ps = [ctx.Process(target=add, args=(d, l, i)) for i in range(3)]
            [p.start() for p in ps]; [p.join() for p in ps]
            print(method, sorted(d.items()), sorted(l), [p.exitcode for p in ps])
