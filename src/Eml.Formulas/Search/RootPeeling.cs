using Eml.Numerics;

namespace Eml.Formulas.Search;

/// <summary>
/// Finds forms of an exact length whose values at the table's points are given. The root separates: t = exp(L) − ln(R), so a left side leaves
/// ln R = exp(L) − t and a right side exp(L) = t + ln R. The shorter side is taken from the table; the longer one is looked up there, or peeled again.
/// </summary>
internal sealed class RootPeeling
{
    private readonly FunctionTable _table;
    private readonly ValueIndex _values;
    private readonly ValueIndex _exponentials;
    private readonly ValueIndex _logarithms;
    private readonly Func<EmlForm, bool> _accept;
    private readonly Cancel? _cancel;

    /// <param name="table">All functions up to a length.</param>
    /// <param name="accept">Looks at a form that fits at the three points, and ends the search by saying yes.</param>
    /// <param name="cancel">Looked at often.</param>
    public RootPeeling(FunctionTable table, Func<EmlForm, bool> accept, Cancel? cancel)
    {
        (_table, _accept, _cancel) = (table, accept, cancel);
        _values = new ValueIndex(table.Value, table.Count);
        _exponentials = new ValueIndex(table.Exponential, table.Count);
        _logarithms = new ValueIndex(table.Logarithm, table.Count);
    }

    /// <summary>Sides of which the other was looked up.</summary>
    public long Candidates { get; private set; }

    /// <summary>The greatest length at which every form has a side in the table at each node that is peeled: 2 T + 3, since both sides of a longer one
    /// can be longer than T.</summary>
    public int Complete => (2 * _table.Length) + 3;

    /// <summary>The first accepted form of this length, or null.</summary>
    public EmlForm? Find(ReadOnlySpan<double> target, int length) => Peel(target[0], target[1], target[2], length, form => form);

    private EmlForm? Peel(double t0, double t1, double t2, int length, Func<EmlForm, EmlForm> around)
    {
        if (length <= _table.Length)
        {
            int found = _values.Find(t0, t1, t2);
            return found >= 0 && around(_table.Form(found)) is { } form && _accept(form) ? form : null;
        }
        for (int a = 1; 2 * a <= length - 1 && a <= _table.Length; a += 2)
        {
            int b = length - 1 - a;
            bool isDirect = b <= _table.Length;
            EmlForm? found = Lefts(t0, t1, t2, a, b, isDirect, around);
            found ??= a == b ? null : Rights(t0, t1, t2, a, b, isDirect, around);
            if (found is not null)
            {
                return found;
            }
        }
        return null;
    }

    /// <summary>Left sides of length <paramref name="a"/>.</summary>
    private EmlForm? Lefts(double t0, double t1, double t2, int a, int b, bool isDirect, Func<EmlForm, EmlForm> around)
    {
        (int from, int to) = _table.Level(a);
        (double[] e0, double[] e1, double[] e2) = (_table.Exponential[0], _table.Exponential[1], _table.Exponential[2]);
        Candidates += to - from;
        for (int i = from; i < to; i++)
        {
            double v0 = e0[i] - t0;
            if (isDirect ? !_logarithms.May(v0) : !(Math.Abs(v0) < 700.0))
            {
                continue;
            }
            (double v1, double v2) = (e1[i] - t1, e2[i] - t2);
            int left = i;
            if (isDirect)
            {
                int right = _logarithms.Find(v0, v1, v2);
                if (right >= 0 && around(EmlForm.Eml(_table.Form(left), _table.Form(right))) is { } form && _accept(form))
                {
                    return form;
                }
                continue;
            }
            if (Math.Abs(v1) < 700.0 && Math.Abs(v2) < 700.0)
            {
                if (_cancel is { IsSet: true })
                {
                    return null;
                }
                EmlForm? found = Peel(Exp.Of(v0), Exp.Of(v1), Exp.Of(v2), b, right => around(EmlForm.Eml(_table.Form(left), right)));
                if (found is not null)
                {
                    return found;
                }
            }
        }
        return null;
    }

    /// <summary>Right sides of length <paramref name="a"/>.</summary>
    private EmlForm? Rights(double t0, double t1, double t2, int a, int b, bool isDirect, Func<EmlForm, EmlForm> around)
    {
        (int from, int to) = _table.Level(a);
        (double[] g0, double[] g1, double[] g2) = (_table.Logarithm[0], _table.Logarithm[1], _table.Logarithm[2]);
        Candidates += to - from;
        for (int i = from; i < to; i++)
        {
            double v0 = t0 + g0[i];
            if (!(v0 > 0.0) || (isDirect && !_exponentials.May(v0)))
            {
                continue;
            }
            (double v1, double v2) = (t1 + g1[i], t2 + g2[i]);
            int right = i;
            if (isDirect)
            {
                int left = _exponentials.Find(v0, v1, v2);
                if (left >= 0 && around(EmlForm.Eml(_table.Form(left), _table.Form(right))) is { } form && _accept(form))
                {
                    return form;
                }
                continue;
            }
            if (v1 > 0.0 && v2 > 0.0)
            {
                if (_cancel is { IsSet: true })
                {
                    return null;
                }
                EmlForm? found = Peel(Ln.Of(v0), Ln.Of(v1), Ln.Of(v2), b, left => around(EmlForm.Eml(left, _table.Form(right))));
                if (found is not null)
                {
                    return found;
                }
            }
        }
        return null;
    }
}
