using Eml.Functions;
using Eml.Numerics;

namespace Eml.Formats;

/// <summary>How files spell a profile.</summary>
internal static class ProfileName
{
    /// <summary>"eml-core-0.1" or "default".</summary>
    public static string Of(Profile profile) => profile == Profile.EmlCore01 ? "eml-core-0.1" : "default";

    /// <summary>The profile of that name.</summary>
    public static Profile Parse(string name, ulong offset) => name switch
    {
        "eml-core-0.1" => Profile.EmlCore01,
        "default" => Profile.Default,
        _ => throw new EmlException(FormatError.Value, offset,
            $"the profile {StrictJson.Quoted(name)} at byte {offset} is not known; known are \"eml-core-0.1\" and \"default\""),
    };
}
