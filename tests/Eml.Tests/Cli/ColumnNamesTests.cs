using Eml.Cli;
using Eml.Functions;

namespace Eml.Tests.Cli;

/// <summary>Names of columns in a model's metadata.</summary>
public class ColumnNamesTests
{
    [Fact]
    public void Names_come_back_as_they_were()
    {
        var model = new EmlModel(2, 3, 1, Profile.Default);
        string[] names = ["x", "größe, \"m\"", "two\nlines"];
        ColumnNames.Store(model, ColumnNames.Inputs, names);
        Assert.Equal(names, ColumnNames.Find(model, ColumnNames.Inputs, 3));
        Assert.Null(ColumnNames.Find(model, ColumnNames.Targets, 1));
    }

    [Theory]
    [InlineData("height and weight")]
    [InlineData("")]
    [InlineData("{\"a\":1}")]
    [InlineData("[\"a\"]")]
    [InlineData("[\"a\",\"b\",\"c\"]")]
    [InlineData("[\"a\",1]")]
    [InlineData("[\"a\",\"\"]")]
    public void Metadata_of_others_is_no_list_of_names(string text)
    {
        var model = new EmlModel(2, 2, 1, Profile.Default);
        model.Metadata[ColumnNames.Inputs] = text;
        Assert.Null(ColumnNames.Find(model, ColumnNames.Inputs, 2));
    }
}
