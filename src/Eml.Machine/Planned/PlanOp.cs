namespace Eml.Machine.Planned;

/// <summary>What an operation of a plan does.</summary>
internal enum PlanKind
{
    /// <summary>A</summary>
    Copy,
    /// <summary>max(0, A)</summary>
    Hinge,
    /// <summary>The sum of factors times max(0, A + offset).</summary>
    Bends,
    /// <summary>A B, where A is known not to be negative.</summary>
    Product,
    /// <summary>max(0, A) B</summary>
    Gated,
    /// <summary>The row of a table nearest to A / B.</summary>
    Row,
    /// <summary>The values of the key (A, B), or zeros.</summary>
    Find,
    /// <summary>Remembers values under the key (A, B) if C is 1.</summary>
    Insert,
}

/// <summary>One operation of a plan.</summary>
internal sealed class PlanOp
{
    public required PlanKind Kind { get; init; }

    public Form A { get; set; } = Form.Zero;

    public Form B { get; set; } = Form.Zero;

    public Form C { get; set; } = Form.Zero;

    /// <summary>What it writes: one register, or one for each of <see cref="Columns"/>.</summary>
    public int[] Targets { get; set; } = [];

    /// <summary>Which of the values.</summary>
    public int[] Columns { get; set; } = [];

    /// <summary>What <see cref="PlanKind.Insert"/> remembers.</summary>
    public Form[] Values { get; set; } = [];

    /// <summary>Of <see cref="PlanKind.Bends"/>.</summary>
    public (double Offset, double Factor)[] Bends { get; init; } = [];

    public TableRows? Table { get; init; }

    /// <summary>Number of the memory.</summary>
    public int Memory { get; init; } = -1;

    public IEnumerable<Form> Reads => Values.Append(A).Append(B).Append(C);
}

/// <summary>What a forward pass comes to when the operation is known: what remains when everything that is constant is folded, every
/// gate that cannot open left out, and everything that nobody reads.</summary>
internal sealed class Plan(PlanOp[] ops, Form[] results, int registers, double largest)
{
    /// <summary>Operations in order.</summary>
    public PlanOp[] Ops => ops;

    /// <summary>Registers that it needs, the token's numbers included.</summary>
    public int Registers => registers;

    /// <summary>What one run of it does at most.</summary>
    public PlanWork Work { get; } = PlanWork.Of(ops, results);

    /// <summary>No number can reach this magnitude; all are exact if it is below 2^53.</summary>
    public double Largest => largest;

    /// <summary>Executes it: <paramref name="values"/> begin with the token's numbers.</summary>
    /// <param name="values">The token's numbers, and room for all others.</param>
    /// <param name="memories">What the sequence left.</param>
    /// <param name="next">The next token's numbers, or empty.</param>
    public void Run(double[] values, KeyedMemory[] memories, Span<double> next)
    {
        foreach (PlanOp op in ops)
        {
            switch (op.Kind)
            {
                case PlanKind.Copy:
                    values[op.Targets[0]] = op.A.Value(values);
                    break;
                case PlanKind.Hinge:
                    values[op.Targets[0]] = Math.Max(0.0, op.A.Value(values));
                    break;
                case PlanKind.Bends:
                    double t = op.A.Value(values);
                    double sum = 0.0;
                    foreach ((double offset, double factor) in op.Bends)
                    {
                        sum += factor * Math.Max(0.0, t + offset);
                    }
                    values[op.Targets[0]] = sum;
                    break;
                case PlanKind.Product:
                    values[op.Targets[0]] = op.A.Value(values) * op.B.Value(values);
                    break;
                case PlanKind.Gated:
                    double gate = op.A.Value(values);
                    values[op.Targets[0]] = gate > 0.0 ? gate * op.B.Value(values) : 0.0;
                    break;
                case PlanKind.Row:
                    TableRows table = op.Table!;
                    Copy(op, table.Values, table.Best(op.A.Value(values), op.B.Value(values)) * table.Width, values);
                    break;
                case PlanKind.Find:
                    KeyedMemory memory = memories[op.Memory];
                    Copy(op, memory.Values, memory.Find(op.A.Value(values), op.B.Value(values)), values);
                    break;
                default:
                    Insert(op, values, memories[op.Memory]);
                    break;
            }
        }
        for (int i = 0; i < next.Length; i++)
        {
            next[i] = results[i].Value(values);
        }
    }

    private static void Copy(PlanOp op, double[] values, int at, double[] registers)
    {
        int[] columns = op.Columns;
        int[] targets = op.Targets;
        for (int i = 0; i < columns.Length; i++)
        {
            registers[targets[i]] = at < 0 ? 0.0 : values[at + columns[i]];
        }
    }

    private static void Insert(PlanOp op, double[] registers, KeyedMemory memory)
    {
        if (op.C.Value(registers) != 1.0)
        {
            return;
        }
        int at = memory.Insert(op.A.Value(registers), op.B.Value(registers));
        for (int i = 0; i < op.Values.Length; i++)
        {
            memory.Values[at + i] = op.Values[i].Value(registers);
        }
    }
}
