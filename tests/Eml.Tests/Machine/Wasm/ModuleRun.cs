using Eml.Machine.Wasm;

namespace Eml.Tests.Machine.Wasm;

/// <summary>All that can be seen of a run of a random module.</summary>
/// <param name="End">Empty, or the trap's text; with <c>start: </c> before it where the start function trapped.</param>
/// <param name="Results">What <c>run</c> gave.</param>
/// <param name="Output">What env.output got.</param>
/// <param name="Globals">All globals.</param>
/// <param name="Pages">Size of the memory.</param>
/// <param name="MemoryHash">As <see cref="PlainMemory.Hash"/>.</param>
/// <param name="Instructions">Executed instructions that count.</param>
internal sealed record ModuleRun(string End, ulong[] Results, uint[] Output, ulong[] Globals, uint Pages, uint MemoryHash, long Instructions)
{
    /// <summary>Runs a random module on the plain interpreter.</summary>
    /// <param name="random">The module.</param>
    /// <param name="executed">Gets how often each opcode was executed added.</param>
    /// <param name="trace">Called after every instruction.</param>
    public static ModuleRun Plain(RandomModule random, long[]? executed = null, PlainTrace? trace = null)
    {
        var host = new PlainHosts(random.Input);
        var instance = new PlainWasm(WasmModule.Read(random.Bytes), host.Import) { Fuel = 100_000, Trace = trace };
        ulong[] results = [];
        string end = "";
        bool isStarted = false;
        try
        {
            instance.Start();
            isStarted = true;
            results = instance.Invoke("run", random.Arguments);
        }
        catch (PlainTrapException e)
        {
            end = isStarted ? e.Message : $"start: {e.Message}";
        }
        for (int code = 0; executed is not null && code < executed.Length; code++)
        {
            executed[code] += instance.Executed[code];
        }
        return new ModuleRun(end, results, [.. host.Numbers], instance.Globals, instance.Memory!.Pages, instance.Memory.Hash(), instance.Instructions);
    }
}
