using System.Text;
using Eml.Functions;
using Eml.Numerics;

namespace Eml.Formats;

/// <summary>The limits of eml_model_set_metadata hold in files too: what is over them is neither written nor read.</summary>
internal static class MetadataLimits
{
    private const int MaxKeys = 256;
    private const int MaxKeyBytes = 256;
    private const int MaxValueBytes = 1 << 20;

    /// <summary>Refuses to write metadata that could not be read back.</summary>
    public static void Check(EmlModel model)
    {
        foreach ((string key, string value) in model.Metadata)
            Check(model.Metadata.Count, key, value);
    }

    /// <summary>Refuses an entry of metadata that have <paramref name="count"/> entries.</summary>
    public static void Check(int count, string key, string value)
    {
        if (count > MaxKeys)
        {
            throw new EmlException(ErrorCode.Limit,
                $"the model's metadata have {count} keys or more; the limit is {MaxKeys}; remove some");
        }

        CheckLength("key", key, key, MaxKeyBytes);
        CheckLength("value", key, value, MaxValueBytes);
    }

    private static void CheckLength(string part, string key, string text, int limit)
    {
        int bytes = Encoding.UTF8.GetByteCount(text);
        if (bytes > limit)
        {
            throw new EmlException(ErrorCode.Limit,
                $"the model's metadata: the {part} of {StrictJson.Quoted(key)} has {bytes} bytes; the limit is {limit}; shorten it");
        }
    }
}
