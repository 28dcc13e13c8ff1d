using System.Text;
using System.Text.Json;
using Eml.Functions;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary>
/// The names of a model's columns: JSON arrays in its metadata, under <see cref="Inputs"/> and <see cref="Targets"/>, so
/// that a prediction finds its inputs whatever their order in the file.
/// </summary>
internal static class ColumnNames
{
    /// <summary>Metadata key of the input columns' names.</summary>
    public const string Inputs = "inputs";

    /// <summary>Metadata key of the target columns' names.</summary>
    public const string Targets = "targets";

    private const int MaxBytes = 1 << 20; // of a metadata value, in every format

    /// <summary>Stores names in the metadata.</summary>
    public static void Store(EmlModel model, string key, string[] names)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartArray();
            foreach (string name in names)
                json.WriteStringValue(name);
            json.WriteEndArray();
        }

        if (bytes.Length > MaxBytes)
        {
            throw new EmlException(ErrorCode.Limit,
                $"the names of the {key} take {bytes.Length} bytes; the limit is {MaxBytes}; use shorter names or fewer columns");
        }

        model.Metadata[key] = Encoding.UTF8.GetString(bytes.ToArray());
    }

    /// <summary>The names, or null if the model does not carry exactly <paramref name="count"/> of them.</summary>
    public static string[]? Find(EmlModel model, string key, int count)
    {
        if (!model.Metadata.TryGetValue(key, out string? text))
        {
            return null;
        }

        try
        {
            using var json = JsonDocument.Parse(text);
            if (json.RootElement.ValueKind != JsonValueKind.Array)
                return null;

            string[] names = [.. json.RootElement.EnumerateArray().Select(Name)];
            return names.Length == count && !names.Contains("") ? names : null;
        }
        catch (JsonException)
        {
            // Somebody else's metadata under the same key.
            return null;
        }

        static string Name(JsonElement e) => e.ValueKind == JsonValueKind.String ? e.GetString()! : "";
    }
}
