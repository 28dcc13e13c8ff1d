using System.Diagnostics.CodeAnalysis;

namespace Eml.Functions.Expressions;

/// <summary>Constant + Σ weight·term, equal terms collected.</summary>
internal sealed class LinearForm
{
    private readonly Dictionary<Expression, int> _places = new(SameExpression.Instance);
    private readonly List<(double Weight, Expression Term)> _terms = [];

    public double Constant { get; private set; }

    public int Terms => _terms.Count(t => t.Weight != 0);

    public void AddConstant(double value) => Constant += value;

    public void Add(double weight, Expression term)
    {
        if (_places.TryGetValue(term, out int place))
        {
            _terms[place] = (_terms[place].Weight + weight, term);
            return;
        }

        _places.Add(term, _terms.Count);
        _terms.Add((weight, term));
    }

    /// <summary>As a sum: a negative constant last, any other first.</summary>
    public Expression ToExpression()
    {
        Expression? sum = Constant > 0 || double.IsNaN(Constant) ? Expression.Constant(Constant) : null;
        foreach ((double weight, Expression term) in _terms)
        {
            if (weight != 0)
            {
                Expression product = Math.Abs(weight) == 1 ? term : Expression.Constant(Math.Abs(weight)) * term;
                sum = sum is null
                    ? weight > 0 ? product : Expression.Constant(weight) * term
                    : weight < 0 ? sum - product : sum + product;
            }
        }

        return sum is null
            ? Expression.Constant(Constant)
            : Constant < 0 ? sum - Expression.Constant(-Constant) : sum;
    }

    /// <summary>Equal are expressions of the same shape.</summary>
    private sealed class SameExpression : IEqualityComparer<Expression>
    {
        public static readonly SameExpression Instance = new();

        public bool Equals(Expression? a, Expression? b) => ReferenceEquals(a, b) ||
            (a is not null && b is not null && a.Operation == b.Operation && a.Index == b.Index &&
            a.Value.Equals(b.Value) && a.Low.Equals(b.Low) && a.High.Equals(b.High) &&
            Equals(a.Left, b.Left) && Equals(a.Right, b.Right));

        public int GetHashCode([DisallowNull] Expression e) => HashCode.Combine(e.Operation, e.Index, e.Value,
            e.Left is null ? 0 : GetHashCode(e.Left), e.Right is null ? 0 : GetHashCode(e.Right));
    }
}
