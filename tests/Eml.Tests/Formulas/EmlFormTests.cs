using Eml.Formulas;
using Eml.Numerics;

namespace Eml.Tests.Formulas;

/// <summary>Forms over eml: text, value, refusals.</summary>
public sealed class EmlFormTests
{
    [Theory]
    [InlineData("1", 1, 0)]
    [InlineData("x", 1, 0)]
    [InlineData("11xE1EE", 7, 3)]
    [InlineData("[2.5]xE", 3, 1)]
    [InlineData("xyE1[-0.125]EE", 7, 2)]
    public void Text_is_read_and_written(string text, int length, int depth)
    {
        var form = EmlForm.Parse(text);
        Assert.Equal(text, form.ToString());
        Assert.Equal((length, depth), (form.Length, form.Depth));
        Assert.Equal(text, EmlForm.Parse(string.Join(' ', text.Replace("[", " [", StringComparison.Ordinal))).ToString());
    }

    [Fact]
    public void Values_are_those_of_the_operator()
    {
        Assert.Equal(Math.Log(2.0), EmlForm.Parse("11xE1EE").Evaluate([2.0]), 14);
        Assert.Equal(Math.Exp(2.0) - Math.Log(3.0), EmlForm.Parse("xyE").Evaluate([2.0, 3.0]), 14);
        Assert.Equal(Math.Exp(0.5), EmlForm.Parse("[0.5]1E").Evaluate([]), 15);
        Assert.Equal(double.PositiveInfinity, EmlForm.Parse("1[0]E").Evaluate([])); // e - ln 0
        Assert.Equal(0.0, EmlForm.Eml(EmlForm.Constant(double.NegativeInfinity), EmlForm.One).Evaluate([])); // exp(-∞) - ln 1
        Assert.True(double.IsNaN(EmlForm.Parse("1[-1]E").Evaluate([])));
        Assert.Same(EmlForm.One, EmlForm.Constant(1.0));
    }

    [Theory]
    [InlineData("", "0 expressions are left over")]
    [InlineData("11", "2 expressions are left over")]
    [InlineData("1E", "E at character 1 needs two operands before it and has 1")]
    [InlineData("1é", "character 1, 'é', is none of")]
    [InlineData("[2", "[ at character 0 must begin a finite number and a ]")]
    [InlineData("[nan]", "[ at character 0 must begin a finite number and a ]")]
    public void What_is_no_form_is_refused(string text, string part) =>
        Assert.Contains(part, Assert.Throws<EmlException>(() => EmlForm.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void Limits_are_told()
    {
        Assert.Equal(ErrorCode.Limit, Assert.Throws<EmlException>(() => EmlForm.Parse(new string('1', EmlForm.MaxLength + 1))).Code);
        Assert.Equal(ErrorCode.Limit, Assert.Throws<EmlException>(() => EmlForm.Variable(EmlForm.VariableNames.Length)).Code);
        Assert.Equal(ErrorCode.Shape, Assert.Throws<EmlException>(() => EmlForm.Parse("y").Evaluate([1.0])).Code);
    }
}
