using Eml.Formulas;
using Eml.Formulas.Notation;

namespace Eml.Tests.Formulas;

/// <summary>Forms in ordinary notation.</summary>
public sealed class OrdinaryNotationTests
{
    [Theory]
    [InlineData("1", "1")]
    [InlineData("x1E", "exp(x)")]
    [InlineData("1xE", "e - ln(x)")]
    [InlineData("11xE1EE", "ln(x)")]
    [InlineData("11xE1EE1E", "x")]
    [InlineData("1yxEE1E", "exp(e)/(exp(y) - ln(x))")]
    [InlineData("[2.5]xE", "exp(2.5) - ln(x)")]
    [InlineData("[3]1E", "exp(3)")]
    [InlineData("11111EEE1EE11E1EE", "-1")]
    [InlineData("111111111EEE1EE11EE1EEEE1EE11E1EE1E", "1/2")]
    [InlineData("11111111111EEE1EE11EEE1EE11EE1EEEE1EE11E1EE11EE", "-2/3")]
    [InlineData("11111E1EEEEx1EE1E", "exp(-x)")] // by way of ln 0
    [InlineData("11xE1EEx11111E1EEEE11EE1EEE1E", "exp(x)/(exp(x) + 1)")]
    [InlineData("1111y1EEE1EEx1EE1EE", "x + y")]
    [InlineData("1111xEE1EEyE1EE1E", "x*y")]
    [InlineData("1111xE1EEE1EEyE1E", "x/y")]
    [InlineData("11111xEE1EExEE1EE11E1EE1E", "1/x^2")]
    [InlineData("11111111x1EEE1EEy1EE1EEEE1EE111111111EEE1EE11EE1EEEE1EE11E1EE1EE1EE1E", "x/2 + y/2")]
    [InlineData("x11EE", "exp(x) - 1")]
    public void As_people_write(string form, string text) => Assert.Equal(text, OrdinaryNotation.Text(EmlForm.Parse(form)));

    [Fact]
    public void With_other_names_and_as_latex()
    {
        Assert.Equal("mass*speed", OrdinaryNotation.Text(EmlForm.Parse("1111xEE1EEyE1EE1E"), ["mass", "speed"]));
        Assert.Equal(@"\frac{e^{e}}{\left(e^{y} - \ln\left(x\right)\right)}", OrdinaryNotation.Latex(EmlForm.Parse("1yxEE1E")));
        Assert.Equal(@"\frac{1}{x^{2}}", OrdinaryNotation.Latex(EmlForm.Parse("11111xEE1EExEE1EE11E1EE1E")));
    }
}
