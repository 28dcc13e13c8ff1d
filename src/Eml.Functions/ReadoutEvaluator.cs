namespace Eml.Functions;

/// <summary>A default-profile model, ready to be evaluated: immutable.</summary>
internal sealed class ReadoutEvaluator(ReadoutLayout layout, double[] parameters) : Evaluator
{
    private readonly int[] _columns = [.. Enumerable.Range(0, layout.Inputs)];

    public override ReadOnlySpan<int> Columns => _columns;

    public override int Heads => layout.Heads;

    public override int ScratchColumns => layout.Inputs + layout.Nodes + 1;

    public override void Row(ReadOnlySpan<double> x, Span<double> y)
    {
        Span<double> nodes = stackalloc double[layout.Nodes];
        for (int n = 0; n < nodes.Length; n++)
        {
            double left, right;
            if (n < layout.FirstLevel)
            {
                left = Affine(parameters.AsSpan(layout.LeafBase(2 * n), 1 + layout.Inputs), x);
                right = Affine(parameters.AsSpan(layout.LeafBase(2 * n + 1), 1 + layout.Inputs), x);
            }
            else
            {
                ReadOnlySpan<double> p = parameters.AsSpan(layout.UpperBase(n), ReadoutLayout.UpperParameters);
                int child = layout.LeftChild(n);
                left = p[0] + p[1] * nodes[child];
                right = p[2] + p[3] * nodes[child + 1];
            }

            nodes[n] = ReadoutNode.Of(left, right);
        }

        for (int h = 0; h < y.Length; h++)
        {
            ReadOnlySpan<double> p = parameters.AsSpan(layout.HeadBase(h), layout.Features);
            double sum = Affine(p[..(1 + layout.Inputs)], x);
            p = p[(1 + layout.Inputs)..];
            for (int k = 0; k < nodes.Length; k++)
            {
                sum += p[k] * nodes[k];
            }

            y[h] = sum;
        }
    }

    protected override void Block<T>(Span<double> columns, int stride, int rows, Span<double> y)
    {
        var inputs = new ColumnSource(columns, stride);
        var nodes = new ColumnSource(columns[(layout.Inputs * stride)..], stride);
        for (int n = 0; n < layout.Nodes; n++)
        {
            ReadoutNode.Fill<T>(layout, n, parameters, inputs, nodes, 0, rows, nodes[n]);
        }

        Span<double> output = columns.Slice((layout.Inputs + layout.Nodes) * stride, stride);
        for (int h = 0; h < layout.Heads; h++)
        {
            ReadOnlySpan<double> p = parameters.AsSpan(layout.HeadBase(h), layout.Features);
            for (int i = 0; i < rows; i += T.Count)
            {
                T sum = T.Broadcast(p[0]);
                for (int k = 1; k < p.Length; k++) // the inputs' columns, then the nodes', lie side by side
                {
                    sum += T.Broadcast(p[k]) * T.Load(ref columns[(k - 1) * stride + i]);
                }

                T.Store(sum, ref output[i]);
            }

            for (int i = 0; i < rows; i++)
            {
                y[i * layout.Heads + h] = output[i];
            }
        }
    }

    private static double Affine(ReadOnlySpan<double> p, ReadOnlySpan<double> x)
    {
        double sum = p[0];
        for (int j = 0; j < x.Length; j++)
        {
            sum += p[j + 1] * x[j];
        }

        return sum;
    }
}
