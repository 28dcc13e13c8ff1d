namespace Eml.Machine.Universal;

/// <summary>The numbers of a token. The first <see cref="Generated"/> are those that the machine writes; a token of the prompt has all.</summary>
internal enum Field
{
    /// <summary>Number of the next instruction; 0 for none.</summary>
    Ip,
    /// <summary>First slot of the current function's locals.</summary>
    Frame,
    /// <summary>The clock when the function was entered.</summary>
    Entered,
    /// <summary>Tokens so far.</summary>
    Clock,
    /// <summary>Pages of memory.</summary>
    Pages,
    /// <summary>Calls that have not returned.</summary>
    Depth,
    /// <summary>A <see cref="StepStatus"/>.</summary>
    Status,
    /// <summary>How often the instruction was begun before: some take several steps.</summary>
    Phase,
    /// <summary>1 if a slot is written.</summary>
    SlotWrite,
    Slot,
    /// <summary>The value that is written, or given to the host; of a code token, its constant.</summary>
    Low,
    High,
    /// <summary>1 if a word of memory is written: its number (upper 16, lower 14 bits) and its 8 bytes.</summary>
    WordWrite,
    WordHigh,
    WordLow,
    Byte0, Byte1, Byte2, Byte3, Byte4, Byte5, Byte6, Byte7,
    /// <summary>Numbers of a generated token.</summary>
    Generated,
    /// <summary>1 for a token of code.</summary>
    IsCode = Generated,
    /// <summary>Number of the instruction.</summary>
    CodeIndex,
    Op,
    /// <summary>Number of the instruction after it; of a table element, its function's first.</summary>
    Next,
    /// <summary>Where it jumps.</summary>
    Target,
    /// <summary>Slots of the uppermost operand, of the second and of the result, from the frame.</summary>
    Top,
    Second,
    Result,
    /// <summary>Values moved; targets of br_table; slots that a call needs; signature of a table element.</summary>
    Count,
    /// <summary>1 for a token of a table's element, whose number is in the word's fields: 65536 high + low.</summary>
    IsElement,
    /// <summary>1 for an element that is null, 2 for a function.</summary>
    ElementKind,
    /// <summary>How many there are.</summary>
    All,
}

/// <summary>What a generated token says to who runs the machine.</summary>
internal enum StepStatus
{
    /// <summary>Go on.</summary>
    Running,
    /// <summary>unreachable</summary>
    Unreachable,
    /// <summary>integer divide by zero</summary>
    DivideByZero,
    /// <summary>integer overflow</summary>
    Overflow,
    /// <summary>out of bounds memory access</summary>
    MemoryBounds,
    /// <summary>undefined element</summary>
    UndefinedElement,
    /// <summary>uninitialized element</summary>
    UninitializedElement,
    /// <summary>indirect call type mismatch</summary>
    SignatureMismatch,
    /// <summary>call stack exhausted</summary>
    StackExhausted,
    /// <summary>An argument of a host function.</summary>
    HostArgument,
    /// <summary>The call of the host function whose number is in the value.</summary>
    HostCall,
}
