namespace Eml.Functions.Expressions;

/// <summary>What an <see cref="Expression"/> computes from its operands.</summary>
public enum Operation
{
    /// <summary><see cref="Expression.Value"/>.</summary>
    Constant,

    /// <summary>x[<see cref="Expression.Index"/>].</summary>
    Input,

    /// <summary>The value of definition <see cref="Expression.Index"/> of the formula.</summary>
    Definition,

    /// <summary>Left + right.</summary>
    Add,

    /// <summary>Left − right.</summary>
    Subtract,

    /// <summary>Left · right.</summary>
    Multiply,

    /// <summary>Left / right.</summary>
    Divide,

    /// <summary>Left &gt; right ? left : right.</summary>
    Maximum,

    /// <summary>Left &lt; right ? left : right.</summary>
    Minimum,

    /// <summary>|left|.</summary>
    Absolute,

    /// <summary>Left · left.</summary>
    Square,

    /// <summary>e to the left.</summary>
    Exp,

    /// <summary>ln left.</summary>
    Ln,

    /// <summary>Left within [<see cref="Expression.Low"/>, <see cref="Expression.High"/>]; NaN stays NaN.</summary>
    Clamp,

    /// <summary>Left &gt; 0 ? left : <see cref="Expression.Value"/>.</summary>
    PositiveOr,
}
