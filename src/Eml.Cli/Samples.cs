using System.Runtime.InteropServices;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary>The rows of a table that a model is to learn or to answer, as matrices.</summary>
internal sealed class Samples
{
    private readonly List<double> _inputs = [];
    private readonly List<double> _targets = [];
    private readonly List<byte> _present = [];

    /// <summary>Reads all rows of a table; an empty target cell means that this target is not known.</summary>
    public Samples(CsvTable table, int[] inputs, int[] targets)
    {
        while (table.Next())
        {
            Rows++;
            foreach (int column in inputs)
                _inputs.Add(table.Number(column));

            foreach (int column in targets)
            {
                bool known = !table.IsEmpty(column);
                _targets.Add(known ? table.Number(column) : 0);
                _present.Add(known ? (byte)1 : (byte)0);
            }
        }

        if (Rows == 0)
            throw new EmlException(ErrorCode.State, $"{table.Source}: a header, but no rows");
    }

    /// <summary>Number of rows.</summary>
    public int Rows { get; }

    /// <summary>(rows, inputs)</summary>
    public ReadOnlySpan<double> Inputs => CollectionsMarshal.AsSpan(_inputs);

    /// <summary>(rows, targets); 0 where not known.</summary>
    public ReadOnlySpan<double> Targets => CollectionsMarshal.AsSpan(_targets);

    /// <summary>(rows, targets); 1 where known, else 0.</summary>
    public ReadOnlySpan<byte> Present => CollectionsMarshal.AsSpan(_present);

    /// <summary>Rows to compute at a time, so that the answers of one batch fit the caches.</summary>
    public int BatchRows(int heads) => Math.Clamp((1 << 16) / heads, 1, Rows);
}
