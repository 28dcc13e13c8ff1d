using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;

namespace Eml.Cli;

/// <summary>Options that several verbs have.</summary>
internal static class Arguments
{
    /// <summary>Of every verb.</summary>
    public static Option<bool> Json { get; } = new("--json")
    {
        Recursive = true,
        Description = "Print one JSON object instead of text",
    };

    /// <summary>A whole number within a range.</summary>
    public static Option<int> Integer(string name, int min, int max, string description) => new(name)
    {
        HelpName = "N",
        Description = description,
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            bool isNumber = int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value);
            if (!isNumber || value < min || value > max)
                result.AddError($"{name} {text}: must be a whole number from {min} to {max}");
            return value;
        },
    };

    /// <summary>The seed of a training's random numbers.</summary>
    public static Option<ulong> Seed() => new("--seed")
    {
        HelpName = "N",
        Description = "Start of the random numbers: the same seed gives the same model [default: 0]",
        CustomParser = result => Unsigned<ulong>(result, "--seed"),
    };

    /// <summary>What stands behind an option: a whole number from 0 on, as large as the type holds.</summary>
    public static T Unsigned<T>(ArgumentResult result, string name) where T : struct, IBinaryInteger<T>, IMinMaxValue<T>
    {
        string text = result.Tokens[0].Value;
        if (!T.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out T value))
            result.AddError($"{name} {text}: must be a whole number from 0 to {T.MaxValue}");
        return value;
    }

    /// <summary>Where to write the result.</summary>
    public static Option<string?> Out(string helpName, string description) => new("--out")
    {
        HelpName = helpName,
        Description = description,
    };
}
