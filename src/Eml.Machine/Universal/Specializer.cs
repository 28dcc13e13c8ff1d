using Eml.Machine.Planned;
using Eml.Machine.Transformer;
using Eml.Machine.Wasm;

namespace Eml.Machine.Universal;

/// <summary>Turns the machine and a prompt into a machine that needs none.</summary>
internal static class Specializer
{
    public static (TransformerWeights Weights, WasmProgram Program) Specialize(byte[] binary, WasmImports imports)
    {
        var module = WasmModule.Read(binary);
        var layout = new CodeLayout(module);
        int[] functions = [.. module.Exports.Where(export => export.Kind == WasmKind.Function).Select(export => export.Index)
            .Concat(module.Start < 0 ? [] : [module.Start]).Distinct()];
        int length = layout.Length + (2 * functions.Length);
        var program = new WasmProgram(WasmDeclarations.Write(binary, module.Functions.Length), layout.LargestFrame, length, Bookkeeping(layout.IsOwn(), length), functions);
        // The machine itself works out what its heads keep of the prompt.
        var engine = new PlannedEngine(WasmMachine.Planner);
        _ = new WasmMachine(module, imports, engine);
        foreach (double[] token in functions.SelectMany(function => layout.CallTokens(function, program.PlaceOf(function))))
        {
            engine.Step(token, []);
        }
        return (Bake(WasmMachine.Planner, engine.Memories), program);
    }

    private static TransformerWeights Bake(Planner planner, IReadOnlyList<KeyedMemory> memories)
    {
        TransformerConfig config = planner.Weights.Config;
        HeadConfig[][] heads = [.. config.Heads.Select(layer => (HeadConfig[])layer.Clone())];
        var tables = new List<(string Name, double[] Rows)>();
        int columns = 2 * config.HeadWidth;
        for (int m = 0; m < memories.Count; m++)
        {
            int known = tables.Count;
            for (int i = 0; i < planner.HeadsOf(m).Count; i++)
            {
                double[] rows = Rows(memories[m], i * config.HeadWidth, config.HeadWidth);
                if (rows.Length == 0)
                {
                    break;
                }
                (int layer, int head) = planner.HeadsOf(m)[i];
                // Heads that look up the same numbers share a table.
                int table = tables.FindIndex(known, other => other.Rows.AsSpan().SequenceEqual(rows));
                if (table < 0)
                {
                    table = tables.Count;
                    tables.Add(($"program: {heads[layer][head].Name} {i + 1}", rows));
                }
                heads[layer][head] = heads[layer][head] with { Store = config.Tables.Length + table };
            }
        }
        TransformerConfig specialised = config with
        {
            Heads = heads,
            Tables = [.. config.Tables, .. tables.Select(table => new TableConfig(table.Name, table.Rows.Length / columns, columns))],
        };
        return TransformerWeights.Create(specialised, planner.Weights.Tensors().Concat(tables.Select((table, i) =>
            ($"tables.{config.Tables.Length + i}", (int[])[table.Rows.Length / columns, columns], table.Rows))), planner.Weights.Names);
    }

    /// <summary>The entries as rows of key and value.</summary>
    private static double[] Rows(KeyedMemory memory, int column, int width)
    {
        var rows = new List<double>();
        foreach ((int high, int low, int at) in memory.Entries())
        {
            rows.AddRange([2.0 * high, 2.0 * low, -((double)high * high) - ((double)low * low), 1.0]);
            rows.AddRange(memory.Values.AsSpan(at + column, width));
        }
        return [.. rows];
    }

    /// <summary>First and last of the runs of instructions that are none of the module's.</summary>
    private static int[] Bookkeeping(bool[] own, int length)
    {
        var runs = new List<int>();
        for (int i = 0; i < length; i++)
        {
            if (i >= own.Length || !own[i])
            {
                int first = i;
                while (i + 1 < length && (i + 1 >= own.Length || !own[i + 1]))
                {
                    i++;
                }
                runs.AddRange([first, i]);
            }
        }
        return [.. runs];
    }
}
