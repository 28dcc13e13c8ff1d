namespace Eml.Native;

/// <summary>Results that are handles.</summary>
internal static unsafe class Out
{
    /// <summary>*result becomes a handle of what is made, or NULL if that fails or nothing is made.</summary>
    public static int Handle(nint* result, Kind kind, Func<object?> make)
    {
        if (result is not null)
        {
            *result = 0;
        }

        return Failure.Guard(() =>
        {
            Arguments.NotNull(result, "out");
            if (make() is { } made)
            {
                *result = Handles.Add(kind, made);
            }
        });
    }
}
