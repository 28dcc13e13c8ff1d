namespace Eml.Formats;

/// <summary>How a formula is written; the values are those of <c>EML_EXPRESSION_…</c> in <c>include/eml.h</c>.</summary>
public enum FormulaFormat
{
    /// <summary>Lines of plain text, simplified.</summary>
    Text = 1,
    /// <summary>LaTeX, simplified.</summary>
    Latex = 2,
    /// <summary>C99 that gives the same bits.</summary>
    C = 3,
    /// <summary>Rust that gives the same bits.</summary>
    Rust = 4,
    /// <summary>Python 3 that gives the same bits.</summary>
    Python = 5,
}
