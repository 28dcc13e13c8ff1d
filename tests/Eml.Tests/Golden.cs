using System.Text.Json;

namespace Eml.Tests;

/// <summary>
/// The golden data: the full sets in ../shared/golden where they exist, else the small copies in tests/data (whose
/// files have the same formats).
/// </summary>
internal static class Golden
{
    private static readonly string s_root = FindRoot();

    public static string Root => s_root;

    public static bool IsFull { get; } = Directory.Exists(Path.Combine(s_root, "..", "shared", "golden"));

    public static string PathOf(string folder, string file)
    {
        string full = Path.Combine(s_root, "..", "shared", "golden", folder, file);
        return File.Exists(full) ? full : Path.Combine(s_root, "tests", "data", folder, file);
    }

    public static JsonElement EmlCore(string file) =>
        JsonDocument.Parse(File.ReadAllBytes(PathOf("eml-core", file))).RootElement;

    public static IEnumerable<JsonElement> Array(this JsonElement parent, string name) =>
        parent.TryGetProperty(name, out JsonElement array) ? array.EnumerateArray() : [];

    public static JsonElement At(this JsonElement parent, string name) => parent.GetProperty(name);

    public static int Int(this JsonElement parent, string name) => parent.GetProperty(name).GetInt32();

    public static double[] Doubles(this JsonElement parent, string name) => parent.GetProperty(name).Doubles();

    public static double[] Doubles(this JsonElement array) => [.. array.EnumerateArray().Select(Double)];

    public static double[][] Matrix(this JsonElement parent, string name) =>
        [.. parent.GetProperty(name).EnumerateArray().Select(Doubles)];

    public static double Double(this JsonElement number) => number.ValueKind == JsonValueKind.String
        ? number.GetString() switch
        {
            "NaN" => double.NaN,
            "Infinity" => double.PositiveInfinity,
            "-Infinity" => double.NegativeInfinity,
            _ => throw new InvalidDataException(number.GetRawText()),
        }
        : number.GetDouble();

    /// <summary>Same bits, or both NaN: the sign and payload of a NaN are nobody's.</summary>
    public static bool SameBits(double a, double b) =>
        BitConverter.DoubleToInt64Bits(a) == BitConverter.DoubleToInt64Bits(b) || (double.IsNaN(a) && double.IsNaN(b));

    public static void AssertBits(IReadOnlyList<double> expected, IReadOnlyList<double> actual, string what)
    {
        Assert.Equal(expected.Count, actual.Count);
        for (int i = 0; i < expected.Count; i++)
        {
            Assert.True(SameBits(expected[i], actual[i]), $"{what}[{i}]: expected {expected[i]:r}, got {actual[i]:r}");
        }
    }

    private static string FindRoot()
    {
        string? folder = Environment.GetEnvironmentVariable("EML_ROOT") ?? AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Eml.Native.sln")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder ?? throw new DirectoryNotFoundException("The tests run below the folder of Eml.Native.sln.");
    }
}
