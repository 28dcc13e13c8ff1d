using Eml.Machine.Universal;
using Eml.Machine.Wasm;

namespace Eml.Tests.Machine.Wasm;

/// <summary>Random modules on the machine, seen as <see cref="ModuleRun.Plain"/> sees them.</summary>
internal static class MachineRun
{
    /// <summary>Tokens that a random module may take; each instruction takes one, some a few more.</summary>
    private const long Fuel = 1_000_000;

    /// <summary>Runs a random module on the machine.</summary>
    public static ModuleRun Of(RandomModule random, bool dense = false)
    {
        var module = WasmModule.Read(random.Bytes);
        var output = new List<uint>();
        int next = 0;
        WasmImports imports = new WasmImports()
            .Function("env", "input", (_, _) => [(uint)(next < random.Input.Length ? random.Input[next++] : -1)])
            .Function("env", "output", (_, arguments) =>
            {
                output.Add((uint)arguments[0]);
                return [];
            });
        var machine = new WasmMachine(module, imports, dense);
        var words = new SortedSet<uint>(module.Data.SelectMany(Words));
        ulong[] globals = WatchGlobals(machine, 0, numbers =>
        {
            if (numbers[(int)Field.WordWrite] == 1.0)
            {
                words.Add(((uint)numbers[(int)Field.WordHigh] << 14) | (uint)numbers[(int)Field.WordLow]);
            }
        });
        string end = "";
        if (module.Start >= 0)
        {
            machine.Begin(module.Start);
            end = Finish(machine) == WasmStatus.Trapped ? $"start: {machine.Trap}" : "";
        }
        ulong[] results = [];
        if (end.Length == 0)
        {
            machine.Begin("run", random.Arguments);
            end = Finish(machine) == WasmStatus.Trapped ? machine.Trap! : "";
            results = machine.Results;
        }
        long instructions = machine.Instructions;
        machine.Listener = null;
        return new ModuleRun(end, results, [.. output], globals, (uint)machine.Pages, MemoryOf(machine, words).Hash(), instructions);
    }

    /// <summary>All globals, kept up to date: each is what the last token that names it says.</summary>
    /// <param name="machine">The machine, before anything is called.</param>
    /// <param name="imported">What imported ones are.</param>
    /// <param name="also">Sees the numbers of every token too.</param>
    public static ulong[] WatchGlobals(WasmMachine machine, ulong imported, Action<double[]>? also = null)
    {
        WasmModule module = machine.Module;
        ulong[] globals = new ulong[module.GlobalTypes.Length];
        Array.Fill(globals, imported);
        int own = globals.Length - module.Globals.Length;
        for (int i = own; i < globals.Length; i++)
        {
            WasmInitializer initial = module.Globals[i - own].Initial;
            globals[i] = initial.Global < 0 ? initial.Value : globals[initial.Global];
        }
        machine.Listener = step =>
        {
            double[] numbers = step.Numbers.ToArray();
            int slot = (int)numbers[(int)Field.Slot];
            if (numbers[(int)Field.SlotWrite] == 1.0 && slot < globals.Length)
            {
                globals[slot] = (uint)numbers[(int)Field.Low] | ((ulong)(uint)numbers[(int)Field.High] << 32);
            }
            also?.Invoke(numbers);
            return true;
        };
        return globals;
    }

    /// <summary>Everything in a line, so that two runs are equal if their lines are.</summary>
    public static string Line(this ModuleRun run) => $"'{run.End}' results {string.Join(',', run.Results)} output {string.Join(',', run.Output)} "
        + $"globals {string.Join(',', run.Globals)} pages {run.Pages} memory {run.MemoryHash} instructions {run.Instructions}";

    private static IEnumerable<uint> Words(WasmData data) =>
        Enumerable.Range(0, data.Bytes.Length).Select(i => ((uint)data.Offset.Value + (uint)i) >> 3);

    private static WasmStatus Finish(WasmMachine machine)
    {
        WasmStatus status = machine.Run(Fuel);
        return status is WasmStatus.Done or WasmStatus.Trapped ? status : throw new InvalidOperationException($"{status} after {Fuel} tokens");
    }

    /// <summary>The memory as loads see it, of the words that anything was put into; the first and last besides.</summary>
    private static PlainMemory MemoryOf(WasmMachine machine, SortedSet<uint> words)
    {
        var memory = new PlainMemory((uint)machine.Pages, null);
        if (memory.Pages > 0)
        {
            words.Add(0);
            words.Add((memory.Pages * 8192) - 1);
        }
        foreach (uint word in words)
        {
            byte[] bytes = machine.ReadMemory(8 * word, 8);
            for (int i = 0; i < 8; i++)
            {
                if (bytes[i] != 0)
                {
                    memory[(8UL * word) + (ulong)i] = bytes[i];
                }
            }
        }
        return memory;
    }
}
