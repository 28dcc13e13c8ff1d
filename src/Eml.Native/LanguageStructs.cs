using System.Runtime.InteropServices;

namespace Eml.Native;

// The structs of tokenizers and language models in include/eml.h, field by field. Names and meanings are there.

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct TextStruct
{
    public byte* Text;
    public ulong Length;
}

[StructLayout(LayoutKind.Sequential)]
internal struct TokenizerInfoStruct
{
    public uint StructSize;
    public uint VocabularySize;
    public uint RankCount;
    public int BosId;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct LanguageOptionsStruct
{
    public uint StructSize;
    public int Mapped;
    public byte* Config;
    public ulong ConfigLength;
    public nint Tokenizer;
}

[StructLayout(LayoutKind.Sequential)]
internal struct LanguageInfoStruct
{
    public uint StructSize;
    public uint VocabularySize;
    public uint Layers;
    public uint ModelWidth;
    public uint Heads;
    public uint KeyValueHeads;
    public uint HeadWidth;
    public uint HiddenWidth;
    public uint SequenceLength;
    public int WeightType;
    public int Activation;
    public int HasTokenizer;
    public ulong Parameters;
    public ulong Bytes;
}

[StructLayout(LayoutKind.Sequential)]
internal struct ParityStruct
{
    public uint StructSize;
    public int IsRight;
    public double LargestDeviation;
    public ulong DifferingIndex;
    public int DifferingToken;
    public uint Reserved;
}

[StructLayout(LayoutKind.Sequential)]
internal struct LanguageSessionInfoStruct
{
    public uint StructSize;
    public uint Threads;
    public ulong Position;
    public ulong Bytes;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct LanguageTokenStruct
{
    public uint StructSize;
    public int Id;
    public byte* Text;
    public ulong TextLength;
    public double LogProbability;
    public ulong Index;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct GenerateOptionsStruct
{
    public uint StructSize;
    public uint MaxTokens;
    public double Temperature;
    public double TopP;
    public double MinP;
    public double RepetitionPenalty;
    public uint TopK;
    public int Special;
    public ulong Seed;
    public int* StopTokens;
    public ulong StopTokenCount;
    public TextStruct* StopTexts;
    public ulong StopTextCount;
    public nint Cancel;
    public delegate* unmanaged[Cdecl]<LanguageTokenStruct*, void*, int> Token;
    public void* User;
}

[StructLayout(LayoutKind.Sequential)]
internal struct GenerationStruct
{
    public uint StructSize;
    public int End;
    public ulong Tokens;
    public ulong TextLength;
    public double LogProbability;
}

[StructLayout(LayoutKind.Sequential)]
internal struct ScoreStruct
{
    public uint StructSize;
    public uint Reserved;
    public double BitsPerByte;
    public double MeanLoss;
    public double Nats;
    public ulong Bytes;
    public ulong Tokens;
}
