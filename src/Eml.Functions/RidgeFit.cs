using Eml.Numerics;

namespace Eml.Functions;

/// <summary>
/// Linear least squares with a small ridge, by Cholesky decomposition of the normal equations, and its leave-one-out error
/// in closed form: PRESS = Σ (e_i / (1 − h_i))² (Allen, Technometrics 16, 1974). Column 0 is the constant and not ridged.
/// All of it takes notice of a training that has to stop; its results mean nothing then.
/// </summary>
internal sealed class RidgeFit(int features, TrainMonitor monitor)
{
    /// <summary>Columns between two calls of the monitor. Fewer features than this are the caller's to count.</summary>
    public const int ColumnsAtOnce = 64;

    /// <summary>Nanoseconds of a multiplication whose factor lies in another cache line each time.</summary>
    private const int StridedCost = 8;

    private readonly double[] _factor = new double[features * features]; // lower triangle L, (features, features)
    private double[] _work = [];

    /// <summary>Decomposes gram + ridge·rows on the diagonal; false if it is not positive definite or the training stops.</summary>
    public bool Factorise(ReadOnlySpan<double> gram, double ridge, double rows)
    {
        for (int i = 0; i < features; i++)
        {
            for (int j = 0; j <= i; j++)
            {
                double sum = gram[i * features + j];
                if (i == j && i > 0)
                {
                    sum += ridge * rows;
                }

                for (int k = 0; k < j; k++)
                {
                    sum -= _factor[i * features + k] * _factor[j * features + k];
                }

                if (i == j)
                {
                    if (!(sum > 0) || !double.IsFinite(sum))
                    {
                        return false;
                    }

                    _factor[i * features + i] = Math.Sqrt(sum);
                }
                else
                {
                    _factor[i * features + j] = sum / _factor[j * features + j];
                }

                if (IsLook(j) && monitor.Work((long)ColumnsAtOnce * j))
                {
                    return false;
                }
            }
        }

        return true;
    }

    /// <summary>Solves in place: right-hand side (features) → coefficients.</summary>
    public void Solve(Span<double> b)
    {
        for (int i = 0; i < features; i++)
        {
            double sum = b[i];
            for (int k = 0; k < i; k++)
            {
                sum -= _factor[i * features + k] * b[k];
            }

            b[i] = sum / _factor[i * features + i];
            if (IsLook(i) && monitor.Work((long)ColumnsAtOnce * i))
            {
                return;
            }
        }

        for (int i = features - 1; i >= 0; i--)
        {
            double sum = b[i];
            for (int k = i + 1; k < features; k++)
            {
                sum -= _factor[k * features + i] * b[k];
            }

            b[i] = sum / _factor[i * features + i];
            if (IsLook(i) && monitor.Work((long)ColumnsAtOnce * (features - i) * StridedCost))
            {
                return;
            }
        }
    }

    /// <summary>Fills 1 − h_i, h the leverage of each row: |L⁻¹φ_i|².</summary>
    public void Slack<T>(ColumnSource columns, int rows, Span<double> slack) where T : struct, ILanes<T>
    {
        if (_work.Length == 0)
        {
            _work = new double[features * 8];
        }

        for (int i = 0; i < rows; i += T.Count)
        {
            T one = T.Broadcast(1);
            for (int j = 0; j < features; j++)
            {
                T sum = T.Load(ref columns[j][i]);
                for (int k = 0; k < j; k++)
                {
                    sum -= T.Broadcast(_factor[j * features + k]) * T.Load(ref _work[k * 8]);
                }

                sum /= T.Broadcast(_factor[j * features + j]);
                T.Store(sum, ref _work[j * 8]);
                one -= sum * sum;
                if (IsLook(j) && monitor.Work((long)ColumnsAtOnce * j * T.Count))
                {
                    return;
                }
            }

            T.Store(one, ref slack[i]);
        }
    }

    private static bool IsLook(int column) => (column & (ColumnsAtOnce - 1)) == ColumnsAtOnce - 1;
}
