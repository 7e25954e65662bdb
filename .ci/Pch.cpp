// Owns the precompiled header that every compiler target reuses; see Pch.h.
