using System.CommandLine;
using Eml.Functions;
using Eml.Functions.Expressions;

namespace Eml.Cli;

/// <summary><c>eml attn show</c>: an attention block as a formula or as source code.</summary>
internal static class AttnShow
{
    /// <summary>The verb.</summary>
    public static Command Create() => Showing.Create("Write an attention block as a formula or as source code",
        "File of an attention block, of any format", path => Open(Store.LoadAttention(path, "show"), path));

    /// <summary>A block's function between flat sequences, and what reads the sequences of a file.</summary>
    public static (Formula, Showing.ReadRows) Open(object block, string path)
    {
        Formula formula = block is EmlAttention own ? own.ToFormula() : ((AttentionBlock)block).ToFormula();
        return (formula, data => AttnData.Read(data, formula.Inputs, path).X);
    }
}
