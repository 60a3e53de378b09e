import concurrent.futures as cf, os, time, threading
def work(n):
    if n == 2: raise ValueError(n)
    return n * n
def main():
    with cf.ThreadPoolExecutor(2) as p:
        for f in [p.submit(work, i) for i in range(4)]:
            try: print(f.result())
            except ValueError as e: print("err", e)
    with cf.ProcessPoolExecutor(2) as p:
        print(list(p.map(work, [1, 3])))
        try: p.submit(work, 2).result()
        except ValueError as e: print(type(e.__cause__).__name__, "Traceback" in str(e.__cause__))
    print(threading.active_count(), [t.name for t in threading.enumerate()])
    ex = cf.ThreadPoolExecutor(1); ex.submit(time.sleep, 0.1); ex.submit(print, "late", flush=True)
if __name__ == "__main__": main()
