// Product of a few rows with one matrix, over and over: the heart of a recurrence.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

// Numbers that the processor takes at once.
#if defined(__AVX512F__)
constexpr int vector_bytes = 64;
#elif defined(__AVX__)
constexpr int vector_bytes = 32;
#else
constexpr int vector_bytes = 16;
#endif

// Rows of numbers, `stride` apart; a null pointer stands for rows of zeros.
template <class T>
struct Rows {
    T* data;
    int64_t stride;

    T* operator[](int64_t row) const { return data + row * stride; }
    Rows columns(int64_t first) const { return {data ? data + first : nullptr, stride}; }
};

// A matrix (N x K), laid out once so that many products read it in order.
//
// Every row's sum runs over k from 0 to K - 1, however many rows there are: the result of a row
// does not depend, to the last bit, on the rows beside it.
template <class T>
class Matrix {
    typedef T Vector __attribute__((vector_size(vector_bytes), aligned(sizeof(T)), may_alias));
    static constexpr int lanes = vector_bytes / sizeof(T);
    static constexpr int abreast = 2;  // vectors of a panel: with 6 rows, 12 sums stay in registers
    static constexpr int width = abreast * lanes;

   public:
    Matrix() : N(0), K(0) {}

    // Element (n, k) stands at weights[n * step_n + k * step_k].
    Matrix(const T* weights, int64_t N, int64_t K, int64_t step_n, int64_t step_k) : N(N), K(K) {
        panels.resize((N + width - 1) / width * width * K, T(0));
        for (int64_t n = 0; n < N; ++n) {
            T* column = panels.data() + n / width * width * K + n % width;
            for (int64_t k = 0; k < K; ++k) column[k * width] = weights[n * step_n + k * step_k];
        }
    }

    // out[r][n] = add[r][n] + sum over k of x[r][k] * matrix[n][k], for `count` rows.
    void product(Rows<const T> x, Rows<const T> add, Rows<T> out, int64_t count) const {
        for (int64_t n = 0; n < N; n += width) {
            const T* panel = panels.data() + n * K;
            for (int64_t r = 0; r < count; r += 6) {
                Rows<const T> from{x[r], x.stride};
                Rows<const T> plus{add.data ? add[r] + n : nullptr, add.stride};
                Rows<T> to{out[r] + n, out.stride};
                switch (std::min<int64_t>(6, count - r)) {
                    case 6: tile<6>(panel, from, plus, to, N - n); break;
                    case 5: tile<5>(panel, from, plus, to, N - n); break;
                    case 4: tile<4>(panel, from, plus, to, N - n); break;
                    case 3: tile<3>(panel, from, plus, to, N - n); break;
                    case 2: tile<2>(panel, from, plus, to, N - n); break;
                    default: tile<1>(panel, from, plus, to, N - n);
                }
            }
        }
    }

   private:
    template <int R>
    void tile(const T* panel, Rows<const T> x, Rows<const T> add, Rows<T> out, int64_t left) const {
        Vector sum[R][abreast] = {};
        for (int64_t k = 0; k < K; ++k) {
            const Vector* column = reinterpret_cast<const Vector*>(panel + k * width);
            for (int r = 0; r < R; ++r)
                for (int j = 0; j < abreast; ++j) sum[r][j] += x[r][k] * column[j];
        }
        for (int r = 0; r < R; ++r) {
            if (left >= width) {
                Vector* to = reinterpret_cast<Vector*>(out[r]);
                const Vector* plus = reinterpret_cast<const Vector*>(add.data ? add[r] : nullptr);
                for (int j = 0; j < abreast; ++j) to[j] = plus ? sum[r][j] + plus[j] : sum[r][j];
            } else {
                for (int64_t n = 0; n < left; ++n) {
                    T value = sum[r][n / lanes][n % lanes];
                    out[r][n] = add.data ? value + add[r][n] : value;
                }
            }
        }
    }

    int64_t N, K;
    std::vector<T> panels;
};
