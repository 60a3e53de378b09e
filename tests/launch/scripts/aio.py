import asyncio, sys
async def bad(): raise RuntimeError("bad")
async def main():
    r = await asyncio.gather(bad(), asyncio.sleep(0, 5), return_exceptions=True); print(r)
    t = asyncio.create_task(bad()); await asyncio.sleep(0.01)
    del t
    async with asyncio.TaskGroup() as g: g.create_task(bad()); g.create_task(asyncio.sleep(1))
asyncio.run(main())
